"""WRITE: chat, match and options → the plan. Sends nothing.

`planning` is the page to read first; `note` composes the text, `split` cuts it, `markup` escapes it, `markers` makes it
findable again.
"""

from __future__ import annotations

from bridge.write.keys import contact_key, message_keys
from bridge.write.markers import FIND, MarkerKeys, strip_lookalikes
from bridge.write.planning import plan
from bridge.write.scope import card_points, scope, utm
from bridge.write.work import NoteSettings, Options, WhatIsNew, Work

__all__ = [
    "FIND", "MarkerKeys", "NoteSettings", "Options", "WhatIsNew", "Work", "card_points", "contact_key", "message_keys",
    "plan", "scope", "strip_lookalikes", "utm",
]  # fmt: skip
