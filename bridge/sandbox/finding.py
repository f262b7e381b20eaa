"""Search in the sandbox's records: one row of the table a filter, all of a search's filters must hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridge.sandbox import words
from bridge.sandbox.entities import CLIENT, ENTITIES, Entity
from bridge.sandbox.points import digits_of, email_key
from bridge.sandbox.records import Records, Row
from bridge.sandbox.refusals import BadRequest

#: a condition in SQL, and its values
Condition = tuple[str, list[Any]]
#: fewer digits would find half of the clients
SHORTEST_TAIL = 5
_FLAGS = {"true": 1, "1": 1, "false": 0, "0": 0}
_WORD = re.compile(r"[\w-]+")


def find(
    records: Records,
    entity: Entity,
    filters: Mapping[str, Sequence[str]],
    *,
    limit: int = 50,
    after: int | None = None,
    lag: float = 0,
) -> list[Row]:
    """Give the records for which every filter holds, newest first, at most `limit`, with ids below `after`.

    A filter with several values holds if one of them does. What was written within the last `lag` seconds is not
    found. Raises BadRequest for a filter that is unknown or cannot hold.
    """
    if "q" in filters and entity.words:
        with records.transaction():
            words.catch_up(records.db, entity)
    until = records.clock() - lag
    conditions: list[Condition] = [("gone = 0", [])] if entity is CLIENT else []
    if lag:
        conditions.append(("created_at <= ?", [until]))
    if after is not None:
        conditions.append(("id < ?", [after]))
    for name, values in filters.items():
        any_of = [_condition(entity, name, value, until) for value in values]
        conditions.append((f"({' OR '.join(sql for sql, _ in any_of)})", [v for _, given in any_of for v in given]))
    where = " AND ".join(sql for sql, _ in conditions) or "1"
    given = [value for _, values in conditions for value in values]
    statement = f"SELECT * FROM {entity.table} WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608  # built of the tables here
    found: list[Row] = records.db.execute(statement, (*given, limit)).fetchall()
    return found


def known_filters(entity: Entity) -> list[str]:
    special = [name for kind, name in SPECIAL if kind == entity.name]
    return sorted({*entity.filters, *special}) + (["custom.<field>"] if "custom" in entity.form.model_fields else [])


def _condition(entity: Entity, name: str, value: str, until: float) -> Condition:
    special = SPECIAL.get((entity.name, name))
    if special is not None:
        return special(entity, value, until)
    if name in entity.filters:
        return f"{name} = ?", [_column_value(name, value)]
    if name.startswith("custom.") and "custom" in entity.form.model_fields:
        # not by a path: what a quote in one means differs from one version of SQLite to the next
        return "EXISTS (SELECT 1 FROM json_each(custom) WHERE key = ? AND value = ?)", [name.removeprefix("custom."), value]
    raise BadRequest(f"{entity.name}s cannot be searched by {name!r}; known filters: {', '.join(known_filters(entity))}")


def _column_value(name: str, value: str) -> str | int:
    if name in {"open", "done"}:
        if value.lower() not in _FLAGS:
            raise BadRequest(f"{name} is true or false, not {value!r}")
        return _FLAGS[value.lower()]
    if name.endswith("_id") and name != "external_id":
        if not (value.isascii() and value.isdigit()):
            raise BadRequest(f"{name} is a number, not {value!r}")
        return int(value)
    return value


# The lists of points are looked through by what the caller wants to know, and as late as the index is.


def _by_phone(_: Entity, value: str, until: float) -> Condition:
    digits = digits_of(value)
    if not digits:
        raise BadRequest(f"phone holds no digits: {value!r}")
    return ("id IN (SELECT client_id FROM points WHERE value = ? AND kind = 'phone' AND written_at <= ?)", [digits, until])


def _by_last_digits(_: Entity, value: str, until: float) -> Condition:
    digits = digits_of(value)
    if len(digits) < SHORTEST_TAIL:
        raise BadRequest(f"phone_like needs at least {SHORTEST_TAIL} digits, {value!r} has {len(digits)}")
    backwards = digits[::-1]
    return (
        "id IN (SELECT client_id FROM points WHERE backwards >= ? AND backwards < ? AND written_at <= ?)",
        [backwards, backwards + ":", until],
    )  # ':' is the character after '9'


def _by_email(_: Entity, value: str, until: float) -> Condition:
    return (
        "id IN (SELECT client_id FROM points WHERE value = ? AND kind = 'email' AND written_at <= ?)",
        [email_key(value), until],
    )


def _by_words(entity: Entity, value: str, _: float) -> Condition:
    parts = _WORD.findall(value)
    if not parts:
        raise BadRequest(f"q holds no word: {value!r}")
    wanted = " ".join(f'"{part}"' for part in parts)
    return f"id IN (SELECT rowid FROM {entity.table}_words WHERE {entity.table}_words MATCH ?)", [wanted]  # noqa: S608  # table names are ours


def _owner_by_email(_: Entity, value: str, __: float) -> Condition:
    return "lower(email) = ?", [value.strip().lower()]


def _owner_by_text(_: Entity, value: str, __: float) -> Condition:
    return "(instr(lower(name), ?) > 0 OR instr(lower(email), ?) > 0)", [value.lower(), value.lower()]


Search = Callable[[Entity, str, float], Condition]
#: filters that are more than an equal column, by (kind of record, filter)
SPECIAL: dict[tuple[str, str], Search] = {
    ("client", "phone"): _by_phone,
    ("client", "phone_like"): _by_last_digits,
    ("client", "email"): _by_email,
    **{(entity.name, "q"): _by_words for entity in ENTITIES.values() if entity.words},
    ("owner", "email"): _owner_by_email,
    ("owner", "q"): _owner_by_text,
}


def is_known_filter(entity: Entity, name: str) -> bool:
    return (
        name in entity.filters
        or (entity.name, name) in SPECIAL
        or (name.startswith("custom.") and "custom" in entity.form.model_fields)
    )
