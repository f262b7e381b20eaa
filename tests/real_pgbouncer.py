"""A real PgBouncer in transaction mode between the tests and PostgreSQL: whoever begins a transaction gets any connection."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from ports import free_port

HELP = "NOT TESTED: no PgBouncer is here (Debian: apt-get install pgbouncer; .ci/pgbouncer install unpacks it)"
#: seconds for it to come up or go
PATIENCE = 30.0
_UNPACKED = Path(__file__).parents[1] / ".venv" / "pgbouncer" / "usr"


def pgbouncer() -> tuple[str, dict[str, str]]:
    """The program, and its surroundings. Where it cannot be had the test is skipped, and says so."""
    installed = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    libraries = ":".join(str(one) for one in (_UNPACKED / "lib").glob("*-linux-gnu*"))
    environ = dict(os.environ) if installed else {**os.environ, "LD_LIBRARY_PATH": libraries}
    found = installed or str(_UNPACKED / "sbin" / "pgbouncer")
    try:
        runs = subprocess.run([found, "--version"], capture_output=True, check=False, env=environ).returncode == 0
    except OSError:
        runs = False
    if not runs:
        pytest.skip(HELP)
    return found, environ


@contextmanager
def pooler(url: str, *, size: int) -> Iterator[str]:
    """So many connections to the database for all who come; gives the address at which they come."""
    (program, environ), parts, port = pgbouncer(), urlsplit(url), free_port()
    # it refuses to run as root, but knows itself whom to run as
    user = "user = nobody\n" if os.geteuid() == 0 else ""
    # not in pytest's own folder: whoever it runs as may not pass there
    with tempfile.TemporaryDirectory(prefix="chat2crm-pooler-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "users").write_text(f'"{parts.username}" "{parts.password or ""}"\n', encoding="utf-8")
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={parts.hostname} port={parts.port or 5432}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users\npool_mode = transaction\n"
            f"default_pool_size = {size}\nmax_client_conn = 400\nserver_login_retry = 1\n{user}",
            encoding="utf-8",
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, str(folder / "pgbouncer.ini")], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder,
                env=environ,
            )  # fmt: skip
        made = parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
        try:
            _wait(made, process, folder / "log")
            yield made
        finally:
            process.kill()
            process.wait(PATIENCE)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        assert process.poll() is None, log.read_text(errors="replace")
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=5).close()
            return
        assert time.monotonic() < until, log.read_text(errors="replace")
        time.sleep(0.02)
