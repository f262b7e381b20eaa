from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import FakeClock

from bridge.errors import StoreError
from bridge.store.sqlite import SqliteStore
from bridge.store.sqlite.guard import LockFile, file_system_of, refuse_foreign, refuse_network_disk

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:35 / /srv rw - nfs4 server:/export rw
41 40 0:36 / /srv/local rw - xfs /dev/sdb1 rw
42 22 0:37 / /mnt/with\\040blank rw - cifs //server/share rw
a broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/x.db", "ext4"),
        ("/srv/x.db", "nfs4"),
        ("/srv/local/deep/x.db", "xfs"),
        ("/srvother/x.db", "ext4"),
        ("/mnt/with blank/x.db", "cifs"),
    ],
)
def test_the_innermost_mount_says_what_the_disk_is(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


def test_a_network_disk_is_refused_with_the_remedy() -> None:
    with pytest.raises(StoreError, match=r"nfs4.*Put the store on a local disk"):
        refuse_network_disk(Path("/srv/chat2crm.db"), MOUNTS)


def file_with(path: Path, *tables: str) -> bytes:
    with contextlib.closing(sqlite3.connect(path)) as db:
        for table in tables:
            db.execute(f"CREATE TABLE {table} (id INTEGER)")
    return path.read_bytes()


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


async def test_another_programs_file_is_refused_and_not_touched(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "theirs.db"
    before = file_with(path, "auth_user", "facts")
    with pytest.raises(StoreError, match=r"belongs to another program \(it has the tables auth_user, facts\). Name another file"):
        await SqliteStore(path, clock=clock).open()
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["theirs.db"]


def test_what_is_empty_ours_damaged_or_not_there_is_left_to_whoever_opens_it(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    (tmp_path / "damaged.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    file_with(tmp_path / "begun.db", "_sqlite_migrations")
    file_with(tmp_path / "ours.db", "deliveries", "facts", "of_a_newer_version")
    for name in ("empty", "damaged", "begun", "ours", "none"):
        refuse_foreign(tmp_path / f"{name}.db")


def test_a_local_disk_is_taken(tmp_path: Path) -> None:
    refuse_network_disk(tmp_path / "chat2crm.db")


def test_a_machine_without_a_table_of_mounts_is_trusted() -> None:
    assert file_system_of(Path("/data/x.db"), "") == ""


def test_a_second_process_is_refused_and_told_who_has_the_store(tmp_path: Path) -> None:
    path = tmp_path / "x.db.lock"
    lock = LockFile(path)
    lock.take()
    script = (
        "import sys; from pathlib import Path; from bridge.store.sqlite.guard import LockFile\n"
        "try: LockFile(Path(sys.argv[1])).take()\nexcept Exception as error: print(error)"
    )

    said = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True).stdout

    assert "in use by" in said
    assert " pid " in said
    lock.release()
    assert subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True).stdout == ""


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Is the folder there"):
        LockFile(tmp_path / "nowhere" / "x.lock").take()
