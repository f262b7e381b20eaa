"""Names in messengers: @name, t.me/name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.extract.reading.finds import Find
from bridge.extract.reading.patterns import has_any, listed
from bridge.model import PointKind

_NAME = re.compile(r"(?<![\w.@/:-])@([a-z][a-z0-9_]{2,31}(?:\.[a-z0-9_]{1,31}){0,3})(?![\w@-]|\.\w|\()")
_LINK = re.compile(r"(?<![\w.-])(?:https?://)?(?:www\.)?(t\.me|telegram\.me|instagram\.com|vk\.com"
    r"|vk\.me)/(?:s/)?@?([a-z][a-z0-9_.]{3,31})/?(?![\w/])(?:\?\S{0,200})?")
_AFTER_WORD = re.compile(
    r"(?<![^\W_])(telegram|телеграмм?\w?|телега|телеге|телегу|тг|tg|skype|скайп\w?|инстаграмм?\w?|инста"
    r"|instagram)\b[\s:–-]{0,4}(?:ник|nick|username|мой|my|is|-|:"
    r"|это){0,2}[\s:–-]{0,4}(?<![@\w])([a-z](?=[a-z_.]{0,30}[0-9_])[a-z0-9_.]{4,31})(?![\w@.:/])"
)
_NETWORK_SIGNS = ("tg", "тг", "tele", "теле", "sky", "скайп", "инст", "inst")
#: What follows an @ in programs and in calls to a group.
_NOT_NAMES = listed(
    "media import override param return returns throws charset keyframes supports font-face deprecated test before after",
    "autowired property staticmethod classmethod dataclass component injectable input",
    "output all here everyone channel todo see since",
    "author version",
)
_NOT_PAGES = listed(
    "joinchat share addstickers proxy socks setlanguage login iv confirmphone feed video photo wall album club public market app"
)
_GENERIC_PAGE = re.compile(r"(?:id|club|public|wall|photo|video|app|event)-?\d+(?:_\d+)?$")
_NETWORKS = {"t.me": "telegram", "telegram.me": "telegram", "instagram.com": "instagram", "vk.com": "vk", "vk.me": "vk"}


def handles_in(text: str, low: str) -> Iterator[Find]:
    """Handles as @name, with the network as a flag where it is told."""
    if "@" in low:
        for match in _NAME.finditer(low):
            if match.group(1) not in _NOT_NAMES:
                yield _find(text, match, 1, "handle-at")
    if ".me/" in low or ".com/" in low:
        for match in _LINK.finditer(low):
            name = match.group(2).rstrip(".")
            if name not in _NOT_PAGES and not _GENERIC_PAGE.fullmatch(name):
                yield _find(text, match, 2, "handle-link", _NETWORKS[match.group(1)])
    if has_any(low, _NETWORK_SIGNS):
        for match in _AFTER_WORD.finditer(low):
            yield _find(text, match, 2, "handle-named")


def _find(text: str, match: re.Match[str], group: int, rule: str, network: str | None = None) -> Find:
    name = text[match.start(group) : match.end(group)].rstrip(".")
    return Find(
        kind=PointKind.HANDLE,
        start=match.start(),
        end=match.end(),
        value=f"@{name}",
        rule=rule,
        flags=(f"network:{network}",) if network else (),
    )
