"""What every test has: no way out to the internet, a clock that stands still, a log that nobody has set up before."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from fakes import FakeClock
from guard import no_way_out

from bridge import log

__all__ = ["no_way_out"]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """What one test sets up in the log, no other sees."""
    root = logging.getLogger()
    level = root.level
    yield
    root.handlers[:] = [handler for handler in root.handlers if handler.name != log.HANDLER]
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    log.register(())
