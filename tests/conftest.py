"""What every test has: no way out to the internet, a clock that stands still, a log that nobody has set up before."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from fakes import FakeClock
from guard import no_way_out

from bridge import log

__all__ = ["no_way_out"]

TESTS = Path(__file__).parent
#: Tests of the whole, and those that do the same over and over: to trace every line of them takes longer than the tests, and
#: every line is reached by the tests of its module. They run, untraced.
UNTRACED = tuple(
    str(TESTS / name)
    for name in ("acceptance", "test_once.py", "test_fuzz.py", "extract/test_linear.py", "extract/test_gates.py",
                 "extract/test_any_text.py", "report/test_browser.py", "store/test_sqlite.py")
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if str(item.path).startswith(UNTRACED):
            item.add_marker("no_cover")


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
