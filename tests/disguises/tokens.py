"""Access tokens as a vendor's authorisation server gives them: they run out, and a refresh token serves once, or ever again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

CLIENT_ID, CLIENT_SECRET, CODE, BACK = "our-id", "our-secret", "the-code", "http://localhost:8765/back"


@dataclass
class Tokens:
    #: seconds since 1970
    clock: Callable[[], float]
    #: seconds that an access token serves
    lives: float
    #: each refresh token serves once, and brings the next one
    rotating: bool = True
    #: access token → until when
    good: dict[str, float] = field(default_factory=dict)
    refresh: str = ""
    #: grant type of each exchange that worked
    given: list[str] = field(default_factory=list)
    #: why exchanges were refused
    refused: list[str] = field(default_factory=list)

    def lets_in(self, access: str) -> bool:
        return self.good.get(access, 0.0) > self.clock()

    def take_back(self) -> None:
        """Every access token stops serving now, before its time."""
        self.good.clear()

    def exchange(self, given: Mapping[str, str]) -> tuple[str, str] | None:
        """A new pair (access, refresh); None: refused, and `refused` says why."""
        why = self._wrong(given)
        if why:
            self.refused.append(why)
            return None
        number = len(self.given) + 1
        if self.rotating or not self.refresh:
            self.refresh = f"refresh-{number}"
        access = f"access-{number}"
        self.good[access] = self.clock() + self.lives
        self.given.append(given["grant_type"])
        return access, self.refresh

    def _wrong(self, given: Mapping[str, str]) -> str:
        if (given.get("client_id"), given.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return "not the client we know"
        if given.get("grant_type") == "authorization_code":
            return "" if given.get("code") == CODE and not self.given else "the code was used"
        if given.get("grant_type") != "refresh_token":
            return f"grant type {given.get('grant_type')}"
        return "" if given.get("refresh_token") == self.refresh and self.refresh else "the refresh token was used before"
