"""The one screen that `chat2crm check --live` prints: a line for each thing that was asked."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from bridge.cli.printing import BAD, hidden, mark
from bridge.errors import BridgeError, CrmError

T = TypeVar("T")


@dataclass(slots=True)
class Screen:
    """Secrets are not shown on it."""

    secrets: tuple[str, ...]
    failed: bool = False

    def say(self, sign: str, what: str, text: str) -> None:
        self.failed = self.failed or sign == BAD
        mark(sign, f"{what:<11} {hidden(text, self.secrets)}", indent=2)


async def tried(doing: Awaitable[T]) -> tuple[T | None, BridgeError | None]:
    """What came of it, or what went wrong."""
    try:
        return await doing, None
    except BridgeError as error:
        return None, error


def in_words(error: BridgeError) -> str:
    """The error with its status and the CRM's own words."""
    status = f" (HTTP {error.status})" if isinstance(error, CrmError) and error.status is not None else ""
    excerpt = f": {error.excerpt}" if isinstance(error, CrmError) and error.excerpt and error.excerpt not in error.message else ""
    return f"{error.message}{status}{excerpt}"
