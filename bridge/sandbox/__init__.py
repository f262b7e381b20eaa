"""A small real CRM: HTTP API, SQLite, client cards to look at, and switches for everything a CRM can do wrong.

For the demo, for trials and for tests. `start()` runs it inside a program, `python -m bridge.sandbox` on its own.
In the order in which a request goes through: gate (with faults, switches) → face: api (with speech) → records, finding (with
entities, points, words, refusals); beside it control (with audit) and pages (with transcript, wording).
"""

from __future__ import annotations

from bridge.sandbox.server import API_KEY, PARTS, READ_KEY, Parts, Running, make_app, start
from bridge.sandbox.switches import Switches

__all__ = ["API_KEY", "PARTS", "READ_KEY", "Parts", "Running", "Switches", "make_app", "start"]
