"""What an expression sees: a payload or a record with a few names of ours laid over it, without copying either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_NOTHING: Mapping[str, Any] = {}
#: what JSON has besides objects
_PLAIN = frozenset({type(None), str, int, float, bool, list})


class Scope(Mapping[str, Any]):
    """`own` (a payload, a message, a record, a single value) seen through `ours`, whose names win.

    An own key that has one of our names is reached as `item.NAME` or `root.NAME`. Where `own` is not an object (a phone
    of `each`), other names come from `beyond`, the scope around it.
    """

    __slots__ = ("beyond", "memo", "ours", "own")

    def __init__(self, own: Any, ours: Mapping[str, Any], *, beyond: Mapping[str, Any] = _NOTHING,
                 memo: dict[Any, Any] | None = None) -> None:
        self.own = own
        self.ours = ours
        self.beyond = beyond
        #: indexes that joins have built, shared by all scopes of one payload
        self.memo: dict[Any, Any] = {} if memo is None else memo

    def get(self, key: str, default: Any = None) -> Any:
        if key in self.ours:
            return self.ours[key]
        own = self.own
        if type(own) is dict or isinstance(own, Mapping):
            return own.get(key, default)
        return self.beyond.get(key, default)

    def __getitem__(self, key: str) -> Any:
        if key in self:
            return self.get(key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return key in self.ours or key in (self.own if isinstance(self.own, Mapping) else self.beyond)

    def __iter__(self) -> Iterator[str]:
        yield from self.ours
        around = self.own if isinstance(self.own, Mapping) else self.beyond
        yield from (key for key in around if key not in self.ours)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        # a payload holds people's data: it must not get into a log by way of a traceback
        return f"Scope({', '.join(sorted(self.ours))} over {type(self.own).__name__})"


def is_object(value: Any) -> bool:
    """Whether names can be asked of it. Asking an abstract class costs ten times as much as looking at a type."""
    kind = type(value)
    return kind is dict or kind is Scope or (kind not in _PLAIN and isinstance(value, Mapping))


def provider_scope(payload: Any, *, headers: Mapping[str, str] = _NOTHING, query: Mapping[str, str] = _NOTHING,
                   source: Mapping[str, Any] = _NOTHING, fetched: Mapping[str, Any] = _NOTHING,
                   match: Mapping[str, Any] = _NOTHING) -> Scope:
    """The outermost scope of a delivery: the payload's own keys, and `root headers query source fetched match`."""
    return Scope(payload, {"root": payload, "headers": headers, "query": query, "source": source, "fetched": fetched,
                           "match": match})


def narrowed(scope: Mapping[str, Any], own: Any) -> Scope:
    """The same scope with another object in the payload's place (`in:`)."""
    if isinstance(scope, Scope):
        return Scope(own, scope.ours, beyond=scope.beyond, memo=scope.memo)
    return Scope(own, {"root": scope.get("root", scope)}, beyond=scope)


def item_scope(item: Any, parent_scope: Mapping[str, Any], root: Any = None) -> Scope:
    """The scope of one element: its own keys, and `item`, `parent` (its scope around, chained), `root`.

    `root` is the parent's unless it is given. An item that is no object sees the parent's names too.
    """
    if root is None:
        root = parent_scope.get("root")
    memo = parent_scope.memo if isinstance(parent_scope, Scope) else None
    return Scope(item, {"item": item, "parent": parent_scope, "root": root}, beyond=parent_scope, memo=memo)


def split_scope(item: Any, parent_scope: Scope) -> Scope:
    """The scope of an event that is one element of a delivery: an item that keeps our names (`headers`, `fetched` …)."""
    return Scope(item, {**parent_scope.ours, "item": item, "parent": parent_scope}, beyond=parent_scope,
                 memo=parent_scope.memo)
