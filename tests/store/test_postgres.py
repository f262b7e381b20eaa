"""Anything in any order, by two replicas over PostgreSQL."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import settings
from real_postgres import Shared
from store_machine import StoreMachine


class Machine(StoreMachine):
    replicas = 2
    alone = False
    server: ClassVar[Shared]

    def __init__(self) -> None:
        super().__init__()
        self.address = self.server.emptied()

    def url(self) -> str:
        return self.address


@pytest.fixture(autouse=True)
def _server(postgres: Shared) -> None:
    Machine.server = postgres


Machine.TestCase.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
TestStore = Machine.TestCase
