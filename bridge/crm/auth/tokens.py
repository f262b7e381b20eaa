"""Access tokens that run out: kept in the store, renewed before their end, by one asker at a time.

A renewed pair is on disk before its access token is used: many CRMs give a refresh token that serves once, and whoever loses
the next one has to ask a person. What can be lost all the same is an answer on its way; then the old refresh token is tried once
more, later, and the CRM's own word decides. Nothing here ever knocks again and again: each failure makes the next wait longer.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from bridge.clock import Clock
from bridge.config.connections import OAuthSettings
from bridge.crm.auth.oauth import Held, read_tokens, refused, token_request
from bridge.crm.auth.sealing import Seal, Unreadable
from bridge.crm.decipher import Said
from bridge.errors import AccessRefused, AuthExpired, AuthoriseAgain, CrmError, TryLater
from bridge.mapping.schema.crm import CrmMapping
from bridge.transport import Sends

log = structlog.get_logger()

#: grant_type and what belongs to it
Grant = Mapping[str, str | None]

#: seconds beyond a request's time-out after which whoever renews is taken for gone
MARGIN = 10.0
#: seconds between two looks while another process renews
LOOKS = 0.25
#: seconds after the first failure until the endpoint is asked again; twice as long each time, up to …
FIRST_WAIT = 5.0
LONGEST_WAIT = 300.0
#: a token that is refused within so many seconds of its birth is not renewed: a new one would fare no better
FRESH = 30.0


class Row(Protocol):
    """What the store keeps of one target's tokens."""

    @property
    def version(self) -> int: ...
    @property
    def sealed(self) -> bytes: ...
    @property
    def ended(self) -> str: ...
    @property
    def consent(self) -> bytes: ...


class Vault(Protocol):
    """What is asked of a store; see bridge.store.Store."""

    async def token(self, name: str) -> Row | None: ...
    async def claim_token(self, name: str, *, version: int, owner: str, seconds: float) -> bool: ...
    async def release_token(self, name: str, owner: str) -> None: ...
    async def save_token(
        self, name: str, sealed: bytes, *, expires_at: float | None, replaces: int | None
    ) -> bool: ...
    async def end_token(self, name: str, *, version: int, reason: str) -> None: ...
    async def keep_consent(self, name: str, sealed: bytes) -> None: ...


class OAuthTokens:
    """The tokens of one target (or of several, where they say so).

    Args:
        name: the target they belong to.
        timeout: seconds of one request.
    """

    def __init__(
        self, name: str, mapping: CrmMapping, settings: OAuthSettings, target: Mapping[str, Any], *,
        vault: Vault, seal: Seal, transport: Sends, clock: Clock, timeout: float = 20.0,
    ) -> None:  # fmt: skip
        assert mapping.token is not None  # noqa: S101 - the mapping was checked: oauth2 has it
        self.name = name
        self.mapping = mapping
        self._rules = mapping.token
        self.settings = settings
        self.target = target
        self.vault = vault
        self.seal = seal
        self._transport = transport
        self._clock = clock
        self._claim = timeout + MARGIN
        self._owner = secrets.token_hex(8)
        self._held: Held | None = None
        self._version = 0
        #: had, and not on disk yet: never to be lost, and not to be used before it is there
        self._unsaved: Held | None = None
        self._failures = 0
        self._wait_until = 0.0
        self._why: CrmError | None = None
        self._lock = asyncio.Lock()
        self._renewing: set[asyncio.Task[Held]] = set()

    async def current(self) -> Mapping[str, Any]:
        """What stands in scope as `token`.

        Raises:
            AuthoriseAgain: a person has to agree (again).
            AccessRefused: the endpoint refuses what the target is configured with.
            AuthExpired: it cannot be renewed now.
        """
        held = self._held
        if held is None or held.due(self._clock.time()):
            held = await self._undisturbed(None)
        return held.scope()

    async def refresh(self, stale: Mapping[str, Any]) -> Mapping[str, Any]:
        """A token newer than `stale`, which the CRM has refused. Raises as `current` does."""
        return (await self._undisturbed(str(stale.get("access") or ""))).scope()

    async def settle(self, seconds: float) -> None:
        """Let a renewal that is under way come to its end, at most so long."""
        if self._renewing:
            await asyncio.wait(self._renewing, timeout=seconds)

    def secrets(self) -> tuple[str, ...]:
        """What must not be shown of what is in memory."""
        return () if self._held is None else tuple(filter(None, (self._held.access, self._held.refresh)))

    async def _undisturbed(self, refused_access: str | None) -> Held:
        # A job that is broken off must not take with it the answer that holds the next refresh token.
        task = asyncio.create_task(self._alone(refused_access))
        self._renewing.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Held]) -> None:
        self._renewing.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited for it may be gone; nobody needs to be told that it went unread

    async def _alone(self, refused_access: str | None) -> Held:
        async with self._lock:
            return await self._usable(refused_access)

    async def _usable(self, refused_access: str | None) -> Held:
        """One that is good now: as another one has left it in the store, or renewed here."""
        waited = 0.0
        while True:
            if self._unsaved is not None:
                await self._save(self._unsaved)
            await self._look()
            held, now = self._held, self._clock.time()
            if held is not None and not held.due(now) and held.access != refused_access:
                return held
            if held is not None and held.access == refused_access and now - held.had_at < FRESH:
                raise AccessRefused(
                    "The CRM refuses an access token that it has only just given; is the integration still installed, with its "
                    "rights, and is its user active?"
                )
            spare = held if held is not None and refused_access is None and not held.expired(now) else None
            renewed = None
            try:
                self._not_too_often()
                if await self.vault.claim_token(self.name, version=self._version, owner=self._owner, seconds=self._claim):
                    renewed = await self._renew(held)
            except AuthoriseAgain:
                raise
            except CrmError:
                if spare is None:
                    raise
                return spare  # a minute before its end it still serves
            if renewed is not None:
                return renewed
            if spare is not None:
                return spare
            if waited > self._claim:
                raise _later("another process has been renewing it for too long")
            waited += LOOKS
            await self._clock.sleep(LOOKS)

    async def _look(self) -> None:
        """What the store has: another process may have renewed it, or a person agreed."""
        row = await self.vault.token(self.name)
        if row is not None and row.sealed and row.version != self._version:
            self._held, self._version = self._opened(row), row.version
            self._failures, self._wait_until, self._why = 0, 0.0, None
        if row is not None and row.ended:
            raise AuthoriseAgain(row.ended)
        if self._held is None and self.grant() is None:
            raise AuthoriseAgain(f"Nobody has let us into this CRM yet: chat2crm auth {self.name}")

    def _opened(self, row: Row) -> Held | None:
        try:
            return Held(**self.seal.open(self.name, row.sealed))
        except (Unreadable, TypeError) as error:
            if self.grant() is not None:
                return None  # another one is to be had without anybody's help
            raise AuthoriseAgain(
                f"The tokens in the store were kept under another `key:`; put that key back, or: chat2crm auth {self.name}"
            ) from error

    def grant(self) -> Grant | None:
        """How a token is had without a refresh token; None: only by a person's consent."""
        password = self.settings.password.get_secret_value() if self.settings.password is not None else None
        grants: Mapping[str, Grant] = {
            "client_credentials": {"grant_type": "client_credentials"},
            "password": {"grant_type": "password", "username": self.settings.username, "password": password},
        }
        return grants.get(str(self.mapping.auth.grant))

    def _not_too_often(self) -> None:
        if self._why is not None and self._clock.monotonic() < self._wait_until:
            raise _again(self._why)

    # -- asking ----------------------------------------------------------------------------------------------------------

    async def _renew(self, held: Held | None) -> Held | None:
        """None: somebody was quicker, and theirs is newer."""
        own = self.grant()
        refresh = held.refresh if held is not None else None
        grants: list[Grant] = [{"grant_type": "refresh_token", "refresh_token": refresh}] if refresh else []
        grants += [own] if own is not None else []
        try:
            renewed = await self._first_that_works(grants, held)
        except AuthoriseAgain as error:
            reason = f"{error.message} Let us in again: chat2crm auth {self.name}"
            await self.vault.end_token(self.name, version=self._version, reason=reason)
            log.warning("token.lost", target=self.name, why=error.message)
            raise AuthoriseAgain(reason, status=error.status, operation="token") from error
        except CrmError as error:
            await self.vault.release_token(self.name, self._owner)
            self._failed(error)
            raise _again(error) from error
        if not await self._save(renewed):
            return None
        log.info("token.renewed", target=self.name)
        return renewed

    async def _first_that_works(self, grants: list[Grant], held: Held | None) -> Held:
        """A refresh token that is of no use any more does not matter where we can ask in our own right."""
        if not grants:
            raise AuthoriseAgain("The CRM's access has run out, and it gave nothing to renew it with.")
        for grant in grants[:-1]:
            try:
                return await self.ask(grant, held)
            except AuthoriseAgain:
                continue
        return await self.ask(grants[-1], held)

    async def ask(
        self, grant: Grant, before: Held | None = None, *, redirect: Mapping[str, str] | None = None
    ) -> Held:
        """Ask the endpoint once. What it gives is not kept yet.

        Raises:
            AuthoriseAgain: the refresh token is of no use any more.
            CrmError: sorted by remedy, as an answer to any other request.
        """
        request = token_request(self.mapping.auth, self.target, self.settings, grant)
        said = Said(await self._transport.send(request))
        error = refused(said, self.mapping, str(grant["grant_type"]), now=self._clock.now())
        if error is not None:
            raise error
        return read_tokens(said, self._rules, now=self._clock.time(), before=before, redirect=redirect)

    async def _save(self, held: Held) -> bool:
        """On disk first, then in use; False: another pair has taken the old one's place meanwhile. Raises NoRoom; the pair is
        kept here until it is saved.
        """
        self._unsaved = held
        sealed = self.seal.seal(self.name, held.content())
        kept = await self.vault.save_token(self.name, sealed, expires_at=held.expires_at, replaces=self._version)
        self._unsaved = None
        self._failures, self._wait_until, self._why = 0, 0.0, None
        if kept:
            self._held, self._version = held, self._version + 1
        return kept

    def _failed(self, error: CrmError) -> None:
        self._why = error
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(self._failures, 16))
        self._failures += 1
        self._wait_until = self._clock.monotonic() + (wait if isinstance(error, TryLater) else LONGEST_WAIT)
        log.warning("renewal.failed", target=self.name, code=error.code)


def _again(error: CrmError) -> CrmError:
    """What a caller gets to see of a failed renewal: the CRM has not been asked to do anything, so it has done nothing."""
    if isinstance(error, TryLater):
        return _later(error.message)
    return type(error)(error.message, status=error.status, operation="token")


def _later(why: str) -> AuthExpired:
    later = AuthExpired(f"The CRM's access token has run out and cannot be renewed now: {why}")
    later.retry_after = FIRST_WAIT  # not within this attempt
    return later
