"""A folder with a configuration, and `chat2crm` run on it as a person would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.clock import Clock
from bridge.store import Store, open_store

SECRET = "s3cret-s3cret-s3cret-s3cret"
SIGNING = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="
TOKEN = "sandbox-key"


class Program:
    """`chat2crm` with its exit codes, as click's runner can call it."""

    name = "chat2crm"

    def main(self, args: Any = None, prog_name: str = "", **_: Any) -> None:
        main(list(args or ()))


@dataclass
class Place:
    """A folder with a configuration, and the commands run on it."""

    folder: Path
    config: dict[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return self.folder / "config.yaml"

    def write(self) -> None:
        self.path.write_text(json.dumps(self.config, ensure_ascii=False), encoding="utf-8")

    def run(self, *args: str, input: str | bytes | None = None) -> Result:  # noqa: A002 - click's word
        if self.config and not self.path.exists():
            self.write()
        return CliRunner(env=self.environ).invoke(Program(), ["-c", str(self.path), *args], input=input)  # type: ignore[arg-type]

    def json(self, *args: str) -> Any:
        done = self.run(*args)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def on_store(self, work: Callable[[Store], Awaitable[Any]]) -> Any:
        """What a running service would have done."""

        async def run() -> Any:
            store = open_store(self.config["store"], clock=Clock())
            await store.open()
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(run())
