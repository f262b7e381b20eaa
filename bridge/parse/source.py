"""What a mapping's expressions see: the payload's own keys, and beside them what the delivery and the source say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import parse_qsl

from bridge.mapping.language.scopes import Scope, provider_scope
from bridge.mapping.schema import ProviderMapping
from bridge.parse.limits import LIMITS, Limits

#: never kept, whatever a mapping asks for
NEVER_KEPT = frozenset({"cookie", "authorization", "proxy-authorization"})
#: methods of deliveries that nobody sent: a list that we asked for held them. The receiver lets no such method in
RECONCILED, IMPORTED = "RECONCILE", "IMPORT"
LISTED = frozenset({RECONCILED, IMPORTED})
#: a query with more is not a provider's
MOST_PARAMETERS = 1000


@dataclass(frozen=True, slots=True)
class SourceView:
    """What parsing may know of a configured source; never its secret."""

    name: str
    #: the source's own keys in the config, for expressions as `source.fields.…`
    fields: Mapping[str, Any] = field(default_factory=dict)
    language: str = "en"
    #: two letters; where phones without a country code are read as being from
    region: str | None = None
    limits: Limits = LIMITS


class Sent(Protocol):
    """A request, before it is a delivery and afterwards."""

    @property
    def method(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


def top_scope(payload: Any, delivery: Sent, source: SourceView, fetched: Mapping[str, Any] | None = None) -> Scope:
    """The scope of a whole delivery. Header names are in lower case there, the query is an object of texts."""
    return provider_scope(
        payload,
        headers={name.lower(): value for name, value in delivery.headers.items()},
        query=_query(delivery.query),
        source={"name": source.name, "language": source.language, "region": source.region, "fields": source.fields},
        fetched=fetched or {},
    )


def _query(query: str) -> dict[str, str]:
    if not query:
        return {}
    try:
        return dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS))
    except ValueError:
        return {}


def kept_headers(headers: Mapping[str, str], mapping: ProviderMapping) -> dict[str, str]:
    """The headers worth storing with a delivery, by lower-case name: no cookies, no authorisation, nothing in which
    a secret of this provider travels.
    """
    dropped = NEVER_KEPT | _secret_headers(mapping.verify)
    return {low: value for name, value in headers.items() if (low := name.lower()) not in dropped}


@lru_cache(maxsize=256)
def _secret_headers(rules: tuple[Any, ...]) -> frozenset[str]:
    return frozenset(
        rule.name.lower() for rule in rules if rule.scheme == "equality" and rule.place == "header" and rule.name
    )
