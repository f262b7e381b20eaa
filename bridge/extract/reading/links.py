"""Phones in links: wa.me/7916…, viber://chat?number=%2B7916…, tel:+7916…, t.me/+7916…."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.extract.reading.finds import Budget, Find
from bridge.extract.reading.patterns import has_any
from bridge.extract.reading.plans import read
from bridge.model import PointKind

#: (rule, expression, the digits are international even without a plus)
_LINKS: tuple[tuple[str, re.Pattern[str], bool], ...] = (
    (
        "messenger-link",
        re.compile(r"(?:wa\.me/|(?:api\.|web\.)?whatsapp\.com/send/?\?phone=|whatsapp://send/?\?phone=)(?:%2b|\+"
            r"| )?(\d{7,15})(?!\d)\S{0,300}"),
        True,
    ),
    ("messenger-link", re.compile(r"viber://(?:chat|add|contact)/?\?number=(?:%2b|\+| )?(\d{7,15})(?!\d)"), True),
    ("messenger-link", re.compile(r"(?:t\.me/|tg://resolve\?phone=)(?:%2b|\+)?(\d{9,15})(?![\d/\w])"), True),
    ("messenger-link", re.compile(r"(?<![\w.+-])(\d{9,15})@(?:s\.whatsapp\.net|c\.us)(?!\w)"), True),
    ("phone-link", re.compile(r"(?<![^\W\d_])(?:tel|callto|sms|phone|facetime):(?://)?((?:%2b|\+)?[\d().%-]{7,40})"), False),
)  # fmt: skip
_SIGNS = ("wa.me", "whatsapp", "viber:", "t.me/", "tg:", "@c.us", "tel:", "callto:", "sms:", "phone:", "facetime:")
_NOT_DIGITS = re.compile(r"\D+")


def phones_in_links(low: str, regions: tuple[str, ...], budget: Budget) -> Iterator[Find]:
    """The phones that links in a text carry."""
    if not has_any(low, _SIGNS):
        return
    for rule, pattern, international in _LINKS:
        for match in pattern.finditer(low):
            if not budget.take():
                return
            written = match.group(1).replace("%2b", "+").replace("%20", "")
            digits = _NOT_DIGITS.sub("", written)
            plus = written.startswith("+") or (international and not digits.startswith("8"))
            reading = read(digits, plus=plus, regions=regions) or (read(digits, plus=False, regions=regions) if plus else None)
            if reading is not None:
                end = match.end() if international else match.end(1)
                yield Find(kind=PointKind.PHONE, start=match.start(), end=end, value=reading.e164, rule=rule)
