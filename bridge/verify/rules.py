"""The materials of a proof: the request, the rule it is held against, and the verdict.

A rule is read through a Protocol: this package and the mapping language do not import one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from bridge.errors import NotAuthentic


@dataclass(frozen=True, slots=True)
class Incoming:
    """What of a request takes part in the proof. Header names in any case; `query` without its question mark;
    `path_secret` is what follows the source's name in the address; `url` the whole public address as the provider
    calls it.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    query: str = ""
    path_secret: str | None = None
    method: str = "POST"
    url: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The request is authentic. `stale`: its signature is good, but it was signed too long ago (or too far ahead), so
    that it may be somebody's recording.
    """

    scheme: str
    #: which of the source's keys it was; 0 stands first in the config
    key: int = 0
    stale: bool = False
    #: unix seconds
    signed_at: float | None = None


class Time(Protocol):
    """Where the time of signing stands: in a header, or in a named part of the signature (`t=…`)."""

    @property
    def header(self) -> str | None: ...
    @property
    def part(self) -> str | None: ...
    @property
    def format(self) -> str:
        """`unix`, `unix_ms` or `iso`."""
    @property
    def tolerance(self) -> float:
        """Seconds, both ways."""


class Rule(Protocol):
    """One way to prove it."""

    @property
    def scheme(self) -> str:
        """A key of `schemes.SCHEMES`."""
    @property
    def place(self) -> str:
        """`header`, `query`, `path` or `body`."""
    @property
    def name(self) -> str | None:
        """The header, the query parameter, or the dotted path in the body."""
    @property
    def prefix(self) -> str:
        """What stands before the secret or signature there, as `sha256=` or `Bearer `; case is not looked at."""
    @property
    def part(self) -> str | None:
        """Where several named parts stand there (`t=…,s=…`): the one that is a signature. It may come repeatedly."""
    @property
    def algorithm(self) -> str:
        """`sha1`, `sha256` or `sha512`."""
    @property
    def encoding(self) -> str:
        """Of the signature: `hex` or `base64`."""
    @property
    def signed(self) -> Sequence[str]:
        """Alternatives of what is signed: text around the names of `proof.SIGNED_NAMES` in braces."""
    @property
    def id(self) -> str | None:
        """The header that `{id}` stands for."""
    @property
    def timestamp(self) -> Time | None: ...
    @property
    def key(self) -> str:
        """How a secret is written: `text`, `base64` or `hex`."""


@dataclass(frozen=True)
class Asked:
    """A request on the bench, with the decoded body where a secret travels in it."""

    request: Incoming
    payload: Any = None

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name."""
        return {name.lower(): value for name, value in self.request.headers.items()}

    def header(self, name: str) -> str:
        """The header's value. Raises NotAuthentic if it is missing or blank."""
        value = self.headers.get(name.lower(), "").strip()
        if not value:
            raise NotAuthentic(f"the header {name} is missing")
        return value
