"""Refuses what would break the promises: a second process on one file, and disks that only look like disks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sqlite3
from pathlib import Path

from bridge.errors import StoreError

#: file systems on which locks and shared memory do not hold between machines, so that a write-ahead log is not safe
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "9p",
        "ceph",
        "glusterfs",
        "lustre",
        "gfs2",
        "ocfs2",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.rclone",
        "fuse.gcsfuse",
        "fuse.ceph",
        "fuse.juicefs",
        "davfs",
        "fuse.davfs",
    }
)


def file_system_of(path: Path, mounts: str | None = None) -> str:
    """The kind of file system that holds `path`, from the kernel's table of mounts; '' where there is no such table."""
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        except OSError:
            return ""
    target = str(path.resolve())
    best, kind = "", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:  # noqa: PLR2004 - the fifth field is the mount point, see proc(5)
            continue
        point = fields[4].encode().decode("unicode_escape")
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind


def refuse_network_disk(path: Path, mounts: str | None = None) -> None:
    """Raises StoreError with the remedy if `path` lies on a network file system."""
    kind = file_system_of(path.parent, mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreError(
            f"{path}: lies on a network file system ({kind}), where SQLite loses data. Put the store on a local disk, or use "
            "`store: postgresql://…` for several machines."
        )


#: that every store of ours has, and no other program's file has both of
_OURS = frozenset({"deliveries", "facts"})


def refuse_foreign(path: Path) -> None:
    """Raises StoreError for another program's file, before anything is changed in it."""
    if not path.is_file() or not path.stat().st_size:
        return
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.Error:  # damaged, or not to be read: whoever opens it says so
        return
    tables = {name for name, in rows if not name.startswith(("sqlite_", "_sqlite_"))}
    if tables and not tables >= _OURS:
        shown = ", ".join(sorted(tables)[:5])
        raise StoreError(f"{path}: belongs to another program (it has the tables {shown}). Name another file under `store:`.")


class LockFile:
    """One process a store: an exclusive lock that the kernel gives back when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def take(self) -> None:
        """Raises StoreError naming the holder if another process has it."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"{self.path}: cannot be written: {error.strerror}. Is the folder there, and writable for this user?"
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(file, 200, 0).decode(errors="replace").strip() or "another process"
            os.close(file)
            raise StoreError(
                f"{self.path}: the store is in use by {holder}. One SQLite store serves one process: stop the other one, or use "
                "`store: postgresql://…` for several replicas."
            ) from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"{socket.gethostname()} pid {os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
