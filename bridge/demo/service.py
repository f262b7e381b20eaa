"""The real service as a process of its own, that can be killed and started again on the same store."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.errors import BridgeError

#: seconds in which each thing that is waited for has to happen, even on a slow machine
PATIENCE = 60.0


class DemoFailed(BridgeError):
    """The demo did not get on."""


@dataclass(slots=True)
class Service:
    """`chat2crm serve`, that can be killed and started again on the same store."""

    folder: Path
    config: dict[str, Any]
    environ: Mapping[str, str]
    process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "service.log"

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    async def start(self) -> None:
        """Raises DemoFailed with the end of its log if it does not come up."""
        path = self.folder / "config.yaml"
        path.write_text(json.dumps(self.config, ensure_ascii=False), encoding="utf-8")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", "-c", str(path), "serve", env={**os.environ, **self.environ},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        started: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._reading = asyncio.create_task(self._read(self.process, started))
        try:
            line = await asyncio.wait_for(started, PATIENCE)
        except TimeoutError:
            raise DemoFailed(f"The service did not start within {PATIENCE:.0f} s: {self._end_of_log()}") from None
        # the next start has to be found under the same addresses
        self.config["receive"]["port"], self.config["ops"]["port"] = str(line["port"]), str(line["ops_port"])

    async def _read(self, process: asyncio.subprocess.Process, started: asyncio.Future[dict[str, Any]]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        with self.log.open("ab") as log:
            async for raw in process.stdout:
                log.write(raw)
                log.flush()
                with contextlib.suppress(ValueError):
                    line = json.loads(raw)
                    if line.get("event") == "service.started" and not started.done():
                        started.set_result(line)
        if not started.done():
            started.set_exception(DemoFailed(f"The service did not start: {self._end_of_log()}"))

    def _end_of_log(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:] if self.log.exists() else "it said nothing"

    async def end(self, number: signal.Signals) -> None:
        if self.process is None or self.process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            await asyncio.wait_for(self.process.wait(), PATIENCE)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        if self._reading is not None:
            await self._reading

    def url(self, part: str) -> str:
        return f"http://127.0.0.1:{self.config[part]['port']}"
