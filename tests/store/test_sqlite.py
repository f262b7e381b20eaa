"""Anything in any order, over SQLite."""

from __future__ import annotations

import tempfile

from hypothesis import settings
from store_machine import StoreMachine


class Machine(StoreMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()

    def url(self) -> str:
        return f"sqlite:///{self.folder.name}/x.db"

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


Machine.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestStore = Machine.TestCase
