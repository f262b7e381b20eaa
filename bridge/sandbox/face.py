"""What callers see of the sandbox: the routes of an API over its records, and that API's words for a refusal.

The sandbox's own API is one face. Another one, given to `make_app`, makes the same records, faults and counts look like another
CRM: they are stored, searched late, lost and counted by one engine, whatever they are called outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from aiohttp import web

from bridge.sandbox.faults import Faults
from bridge.sandbox.gate import Work
from bridge.sandbox.records import Records

#: method, path, operation such as "note.create", kind (search, read, write; others are none of these), what does it
Route = tuple[str, str, str, str, Work]


class Face(Protocol):
    def routes(self) -> Iterator[Route]:
        """Every route. The first that fits a request is taken; the last one should fit all, and say that it knows none of it."""
        ...

    def refuse(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> web.Response:
        """A fault's answer as this API would word it: 429 `too_many_requests`, 403 `blocked`, 5xx `server_error`."""
        ...


MakeFace = Callable[[Records, Faults], Face]
