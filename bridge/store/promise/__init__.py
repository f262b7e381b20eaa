"""What a store promises, by what it is asked for. `bridge.store.Store` is all of it."""

from __future__ import annotations

from bridge.store.promise.intake import Fetches, Intake
from bridge.store.promise.journal import Identities, Journal
from bridge.store.promise.people import Decisions, Notices, PersonalData
from bridge.store.promise.upkeep import Agreed, Reads, Upkeep
from bridge.store.promise.work import Jobs, Targets, Tokens

__all__ = [
    "Agreed",
    "Decisions",
    "Fetches",
    "Identities",
    "Intake",
    "Jobs",
    "Journal",
    "Notices",
    "PersonalData",
    "Reads",
    "Targets",
    "Tokens",
    "Upkeep",
]
