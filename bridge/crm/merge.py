"""What a visitor gave that is new to the client's card, and how it goes there: by the mapping's `enrich:`. Pure.

Nothing on a card is ever overwritten: a blank is filled, a list is added to. Phones are compared as numbers and everything
else without regard to case, because nobody types a number the way the card has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bridge.mapping.schema.writing import Enrich, FieldMerge
from bridge.model import Client
from bridge.phone_digits import same_email, same_phone

#: ours (a phone in E.164), what stands on the card
Same = Callable[[str, str], bool]


def what_is_new(
    record: Mapping[str, Any],
    enrich: Enrich,
    *,
    phones: Sequence[str],
    emails: Sequence[str],
    name: str | None,
    scope: Mapping[str, Any],
) -> tuple[dict[str, Any], list[str]]:
    """What is in scope as `new`, and the values that found no room on the card.

    `new.phones` and `new.emails` are lists of what is to be sent: plain values, or as `element:` writes one; the read
    elements before them under `send: all`; an object of column → value under `columns:`. `new.name` and the fields are
    single values (a field with `how: add`: a list like phones). What has nothing new is not there.
    """
    new: dict[str, Any] = {}
    left: list[str] = []
    around = {**scope, "record": record}
    lists: tuple[tuple[str, FieldMerge | None, Sequence[str], Same], ...] = (
        ("phones", enrich.phones, phones, same_phone),
        ("emails", enrich.emails, emails, same_email),
    )
    for key, rule, values, same in lists:
        if rule is not None:
            sent, unplaced = _listed(rule, record, values, same, around)
            left += unplaced
            if sent:
                new[key] = sent
    single: list[tuple[str, FieldMerge | None, Any]] = [("name", enrich.name, name)]
    single += [(key, rule, rule.value(around) if rule.value else None) for key, rule in enrich.fields.items()]
    for key, rule, value in single:
        if rule is None or rule.how == "never" or _blank(value):
            continue
        if rule.how == "add" and key != "name":
            given = [str(one) for one in (value if isinstance(value, list | tuple) else [value]) if not _blank(one)]
            sent, _ = _listed(rule, record, given, same_email, around)
            if sent:
                new[key] = sent
        elif _blank(_read(rule, record)):
            new[key] = value
    return new, left


def still_new(record: Mapping[str, Any], enrich: Enrich, scope: Mapping[str, Any]) -> dict[str, Any]:
    """What of a planned `new` is new to the record as it is by now; computed anew, so that nothing read since is lost.

    `scope` is that of the operation, with the planned `new` in it.
    """
    planned = scope.get("new") or {}
    new, _ = what_is_new(
        record,
        enrich,
        phones=scope.get("phones") or () if "phones" in planned else (),
        emails=scope.get("emails") or () if "emails" in planned else (),
        name=planned.get("name"),
        scope=scope,
    )
    return {key: value for key, value in new.items() if key in planned}


def would_empty(client: Client, enrich: Enrich, new: Mapping[str, Any]) -> str | None:
    """The list that is to be sent whole although what stands there was not read: the card shows values, and `read:` gives none.
    A slip in that expression would take them off the card.
    """
    for key, rule, shown in (("phones", enrich.phones, client.phones), ("emails", enrich.emails, client.emails)):
        if rule is not None and rule.send == "all" and key in new and shown and _blank(_read(rule, client.record)):
            return key
    return None


def _listed(
    rule: FieldMerge, record: Mapping[str, Any], values: Sequence[str], same: Same, scope: Mapping[str, Any]
) -> tuple[Any, list[str]]:
    """What is sent for a field that may hold several values, and what finds no room in it."""
    there = _read(rule, record)
    elements = [one for one in (there if isinstance(there, list | tuple) else [there]) if not _blank(one)]
    known = [text for element in elements for text in _texts(element)]
    known += [str(record[column]) for column in rule.columns if not _blank(record.get(column))]
    wanted: list[str] = []
    for value in values:
        if value.strip() and not any(same(value, text) for text in known):
            known.append(value)
            wanted.append(value)
    if not wanted or rule.how == "never":
        return None, wanted
    if rule.columns:
        # A column that the record does not show is not known to be blank.
        free = [column for column in rule.columns if column in record and _blank(record[column])]
        if rule.how == "blank" and len(free) < len(rule.columns):
            return None, wanted
        return dict(zip(free, wanted, strict=False)), wanted[len(free) :]
    if rule.how == "blank":
        if elements:
            return None, wanted
        wanted, left = wanted[:1], wanted[1:]
    else:
        left = []
    written = [value if rule.element is None else rule.element.fill({**scope, "item": value}) for value in wanted]
    return ([*elements, *written] if rule.send == "all" else written), left


def _read(rule: FieldMerge, record: Mapping[str, Any]) -> Any:
    return rule.read(dict(record)) if rule.read is not None else None


def _texts(element: Any) -> Iterator[str]:
    """Every text in an element: whichever member holds the value, ours is compared with it."""
    if isinstance(element, Mapping):
        for part in element.values():
            yield from _texts(part)
    elif isinstance(element, list | tuple):
        for part in element:
            yield from _texts(part)
    elif isinstance(element, str | int) and not isinstance(element, bool):
        yield str(element)


def _blank(value: Any) -> bool:
    """Some CRMs write false, or an empty text, for "nothing"."""
    return value is None or value is False or value in ("", [], {}) or (isinstance(value, str) and not value.strip())
