"""The materials that travel: delivery → event → chat → contact points → client → plan of operations → job and its attempts.

All are frozen. Times are aware datetimes in UTC; spans are seconds. Words are those of docs/glossary.md.
"""

from __future__ import annotations

from bridge.model.chats import Chat, Delivery, Event, EventKind, File, Message, Operator, Page, Role, Visitor
from bridge.model.clients import Claim, Client, ContactPoint, Correction, PointKind, Wishes, client_key
from bridge.model.frozen import Frozen, Json
from bridge.model.plans import ALIVE, FINAL, JobState, Match, Operation, OperationKind, OperationState, Plan, Step, Verdict

__all__ = [
    "ALIVE",
    "FINAL",
    "Chat",
    "Claim",
    "Client",
    "ContactPoint",
    "Correction",
    "Delivery",
    "Event",
    "EventKind",
    "File",
    "Frozen",
    "JobState",
    "Json",
    "Match",
    "Message",
    "Operation",
    "OperationKind",
    "OperationState",
    "Operator",
    "Page",
    "Plan",
    "PointKind",
    "Role",
    "Step",
    "Verdict",
    "Visitor",
    "Wishes",
    "client_key",
]
