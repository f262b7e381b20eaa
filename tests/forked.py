"""`chat2crm` as processes of their own that need not load the program first: each is forked from one that has done that.

Loading it takes most of a second of CPU, and the tests start it some hundred times. What is forked is a process like any other,
with its own memory, standard output and exit code, that can be killed. That the command itself starts is shown by others (the
demo, the wheel, the disk).
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.reduction import DupFd
from typing import Any

LOADED = ["bridge.app", "bridge.cli", "bridge.cli.serve", "bridge.store.sqlite", "sqlite_utils"]


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


def _run(arguments: Sequence[str], environ: Mapping[str, str], output: Any) -> None:
    told = output.detach()
    for stream in (1, 2):
        os.dup2(told, stream)
    os.close(told)
    os.environ.clear()
    os.environ.update(environ)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    from bridge.cli import main  # loaded already, where this runs

    main([*arguments])


@dataclass(slots=True)
class Forked:
    """As much of `asyncio.subprocess.Process` as the tests use."""

    stdout: asyncio.StreamReader
    _process: ForkServerProcess
    _pipe: asyncio.ReadTransport

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        while (code := self.returncode) is None:
            loop.add_reader(self._process.sentinel, over.set)
            try:
                await over.wait()
            finally:
                loop.remove_reader(self._process.sentinel)
        return code


async def fork(*arguments: str, environ: Mapping[str, str]) -> Forked:
    """`chat2crm` with these arguments; its standard output and errors are read from `stdout`."""
    loop = asyncio.get_running_loop()
    here, there = os.pipe()
    stdout = asyncio.StreamReader()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdout), os.fdopen(here, "rb"))
    process = _context().Process(target=_run, args=(arguments, dict(environ), DupFd(there)), daemon=True)
    try:
        # beside the loop: the first of them waits until the program is loaded
        await asyncio.to_thread(process.start)
    finally:
        os.close(there)
    return Forked(stdout, process, pipe)
