"""Who does not mind waiting makes room: calls for which an operator's chat window waits go ahead of those of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_in_a_hurry: ContextVar[bool] = ContextVar("in_a_hurry", default=False)


@contextmanager
def in_a_hurry() -> Iterator[None]:
    """Calls made within go ahead of those of jobs, wherever both have to wait."""
    token = _in_a_hurry.set(True)
    try:
        yield
    finally:
        _in_a_hurry.reset(token)


def hurried() -> bool:
    """Whether this call is made within `in_a_hurry`."""
    return _in_a_hurry.get()
