"""Contacts out of the visitor's fields: the form, the profile, what an operator filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.extract.ours import Ours
from bridge.extract.reading import read_text
from bridge.extract.reading.emails import emails_in
from bridge.extract.reading.finds import Budget, Find
from bridge.extract.reading.normal import normal
from bridge.extract.reading.phones import Expecting
from bridge.extract.reading.plans import filler, read
from bridge.extract.seen import FILLED_BY_OPERATOR as FILLED
from bridge.extract.seen import FORM, OURS, PROFILE, Seen, Verdict
from bridge.model import Chat, PointKind

#: Key of `visitor.fields` under which a mapping puts what an operator filled in: {"phones": […], "emails": […]}.
FILLED_BY_OPERATOR = "filled_by_operator"
_NOT_DIGITS = re.compile(r"\D+")
_THIRD = re.compile(r"(?:получател|recipient|супруг|муж|жен[аы]|manager|менеджер|operator|оператор)", re.IGNORECASE)
_MOST_FIELDS = 40
_LONGEST_FIELD = 2_000


def from_fields(chat: Chat, regions: tuple[str, ...], ours: Ours, budget: Budget) -> Iterator[Seen]:
    """What the fields give, the form's own first, an operator's last. What is no contact is told with its reason."""
    visitor = chat.visitor
    for written in visitor.phones:
        yield _field(_phone(written, regions, budget), written, "visitor.phone", FORM, ours)
    for written in visitor.emails:
        yield _field(_email(written), written, "visitor.email", FORM, ours)
    if visitor.name:
        yield from _free_text(visitor.name, "visitor.name", PROFILE, regions, ours, budget)
    for key, answer in list(visitor.fields.items())[:_MOST_FIELDS]:
        told = isinstance(answer, str | int) and not isinstance(answer, bool)
        if told and key != FILLED_BY_OPERATOR and not _THIRD.search(key):
            text = str(answer)[:_LONGEST_FIELD]
            yield from _free_text(text, f"visitor.fields.{key}", FORM, regions, ours, budget, asked=_asks_phone(key))
    filled = visitor.fields.get(FILLED_BY_OPERATOR)
    if isinstance(filled, dict):
        for written in _texts(filled.get("phones")):
            yield _field(_phone(written, regions, budget), written, f"visitor.fields.{FILLED_BY_OPERATOR}", FILLED, ours)
        for written in _texts(filled.get("emails")):
            yield _field(_email(written), written, f"visitor.fields.{FILLED_BY_OPERATOR}", FILLED, ours)


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [str(one) for one in values if isinstance(one, str | int) and not isinstance(one, bool)]


def _asks_phone(key: str) -> bool:
    return bool(re.search(r"(?:phone|tel|mobile|телеф|номер|контакт|whats)", key.lower()))


def _phone(written: str, regions: tuple[str, ...], budget: Budget) -> Find:
    """A phone field holds one number and nothing else; its digits are believed without more words."""
    text = normal(written[:_LONGEST_FIELD])
    finds = [find for find in read_text(text, regions, budget, Expecting(phone=True)) if find.kind is PointKind.PHONE]
    taken = next((find for find in finds if find.value), None)
    if taken is not None:
        return taken
    digits = _NOT_DIGITS.sub("", text.text)
    if budget.take():
        # A field that was made for a number may leave out its plus.
        ways = (read(digits, plus=plus, regions=regions) for plus in ("+" in text.text, True) if digits)
        reading = next((one for one in ways if one is not None), None)
        if reading is not None and not filler(reading.national):
            return Find(kind=PointKind.PHONE, start=0, end=len(text.text), value=reading.e164, rule="phone-field")
    rule = finds[0].rule if finds else "not-valid"
    return Find(kind=PointKind.PHONE, start=0, end=len(text.text), value=None, rule=rule)


def _email(written: str) -> Find:
    text = normal(written[:_LONGEST_FIELD].strip())
    finds = list(emails_in(text))
    taken = next((find for find in finds if find.value), None)
    rule = finds[0].rule if finds else "not-valid"
    return taken or Find(kind=PointKind.EMAIL, start=0, end=len(text.text), value=None, rule=rule)


def _free_text(
    written: str, name: str, verdict: Verdict, regions: tuple[str, ...], ours: Ours, budget: Budget, *, asked: bool = False
) -> Iterator[Seen]:
    text = normal(written)
    for find in read_text(text, regions, budget, Expecting(phone=asked)):
        start, end = text.written(find.start, find.end)
        yield _field(find, written[start:end], name, verdict, ours)


def _field(find: Find, written: str, name: str, verdict: Verdict, ours: Ours) -> Seen:
    if find.value is None:
        return Seen(find=find, verdict=None, field=name, as_written=written.strip())
    if ours.has(find.kind, find.value):
        verdict = OURS
    return Seen(find=find, verdict=verdict, field=name, as_written=written.strip())
