"""What every test has: no way out to the internet, a clock that stands still, a log that nobody has set up before."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from fakes import FakeClock
from guard import no_way_out
from hypothesis import HealthCheck, settings
from real_postgres import Shared
from store_materials import opened

from bridge import log
from bridge.store import Store

__all__ = ["no_way_out"]

TESTS = Path(__file__).parent
ENGINES = ("sqlite", "postgres")
#: Tests of the whole, and those that do the same over and over: to trace every line of them takes longer than the tests, and
#: every line is reached by the tests of its module. They run, untraced.
UNTRACED = tuple(
    str(TESTS / name)
    for name in ("acceptance", "test_once.py", "test_fuzz.py", "extract/test_linear.py", "extract/test_gates.py",
                 "extract/test_any_text.py", "report/test_browser.py", "report/test_browser_actions.py", "store/test_sqlite.py",
                 "store/test_postgres.py")
)  # fmt: skip
#: Half a minute and more, each
LONG = tuple(str(TESTS / name) for name in ("test_once.py", "acceptance/test_machine.py", "acceptance/test_disk.py",
                                            "acceptance/test_demo.py"))  # fmt: skip


# Nothing here is judged by how fast a machine is that has other things to do. `make test` throws the same examples each time, so
# that what it says of a change is about the change; `make torture` throws others every time.
settings.register_profile("same", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("torture", settings.get_profile("same"), derandomize=False, print_blob=True)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("torture" if config.getoption("markexpr") == "torture" else "same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if str(item.path).startswith(UNTRACED):
            item.add_marker("no_cover")
    items[:] = _longest_first(items, workers=int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def _longest_first(items: list[pytest.Item], *, workers: int) -> list[pytest.Item]:
    """Each of the parallel processes begins with its share of those that take long: the last one would be waited for alone."""
    long = [item for item in items if str(item.path).startswith(LONG)]
    rest = [item for item in items if not str(item.path).startswith(LONG)]
    share = -(-len(rest) // workers)
    return [item for one in range(workers) for item in (*long[one::workers], *rest[one * share : (one + 1) * share])]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Shared]:
    """One server for the whole run, started when the first test asks for a database of it."""
    folder = tmp_path_factory.getbasetemp()
    shared = Shared(folder if worker_id == "master" else folder.parent)
    yield shared
    shared.close()


@pytest.fixture
def postgres_url(postgres: Shared) -> str:
    """A store on a real PostgreSQL, empty."""
    return postgres.emptied()


@pytest.fixture(params=ENGINES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind, for what every one has to keep."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path}/chat2crm.db"


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    """In a file of its own, for whatever goes on above it; tests/store and test_store.py have one of each kind."""
    async with opened(f"sqlite:///{tmp_path}/chat2crm.db", clock) as made:
        yield made


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """What one test sets up in the log, no other sees."""
    root = logging.getLogger()
    level = root.level
    # by itself structlog draws each trace with the locals of every frame, which takes seconds; nor does the service
    plainly = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plainly])
    yield
    root.handlers[:] = [handler for handler in root.handlers if handler.name != log.HANDLER]
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    log.register(())
