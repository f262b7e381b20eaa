"""PARSE: a delivery and its provider's mapping → events and chats. No I/O; nothing here knows any provider.

`wire` bytes → payload (`escapes`, `nesting`: of forms; `limits`: no more of it than so much) · `source` what expressions see ·
`glance` what must be known before the answer · `listed` records that we asked for, as deliveries · `events` which rule reads
it, into how many events · `chats`, `messages`, `names`, `values`, `markup` the model's fields · `trial` a mapping's samples
held against what they must become.
"""

from bridge.mapping.schema import Reply
from bridge.parse.events import Understood, Wanted, decode, understand
from bridge.parse.glance import Glance, glance, reply, shown, stored_body
from bridge.parse.limits import LIMITS, Limits
from bridge.parse.listed import listed
from bridge.parse.source import IMPORTED, SourceView, kept_headers, top_scope

__all__ = [
    "IMPORTED", "LIMITS", "Glance", "Limits", "Reply", "SourceView", "Understood", "Wanted", "decode", "glance", "kept_headers",
    "listed", "reply",
    "shown", "stored_body", "top_scope", "understand",
]  # fmt: skip
