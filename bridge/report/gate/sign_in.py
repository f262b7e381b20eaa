"""Who may look: the password, sessions in signed cookies, tokens for forms, and a lock after wrong tries. No I/O."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_network
from weakref import WeakValueDictionary

from bridge.clock import Clock
from bridge.config.passwords import holds
from bridge.networks import household, is_in

#: seconds without a click after which a session is over, and after which it is over anyway
IDLE = 1800.0
LONGEST = 12 * 3600.0
#: a cookie is written anew when it is older than this, so that not every answer sets one
RENEW = 60.0

#: wrong passwords from one address before it has to wait, and from everywhere together
TRIES = 5
TRIES_OF_ALL = 100
#: seconds of the first wait; each further wrong password doubles it, up to the longest
WAIT = 30.0
LONGEST_WAIT = 900.0
#: seconds after which wrong passwords are forgotten
FORGIVEN = 3600.0
#: seconds for which whoever has signed in from an address is known there
KNOWN_FOR = 30 * 86400.0
#: characters of a password that are looked at
LONGEST_PASSWORD = 1024
#: parts of a session's cookie that every one has
_PARTS = 3
#: addresses that are remembered
ADDRESSES = 10_000
_HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class Session:
    nonce: str
    began_at: float
    used_at: float
    #: the customer whose people's it is; None: of the whole service
    site: str | None = None


class Sessions:
    """Sessions live in the cookie alone; signing out is remembered for as long as such a cookie could be shown again.

    `secret` of each method: what the sessions rest on. Another one (a changed password) ends them all.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ended: dict[str, float] = {}

    def begin(self, site: str | None = None) -> Session:
        now = self._clock.time()
        return Session(secrets.token_urlsafe(18), now, now, site)

    def renewed(self, session: Session) -> Session:
        return replace(session, used_at=self._clock.time())

    def cookie(self, session: Session, secret: bytes) -> str:
        said = f"{session.nonce}.{session.began_at:.0f}.{session.used_at:.0f}" + (f".{session.site}" if session.site else "")
        return f"{said}.{_sign(secret, 'session', said)}"

    def read(self, cookie: str, secret_of: Callable[[str | None], bytes | None]) -> Session | None:
        """The session of a cookie; None if it is forged, over, or signed out of. `secret_of`: of a customer or, for None, of the
        whole service; None: nobody has sessions there.
        """
        said, _, signature = cookie.rpartition(".")
        site = said.split(".")[_PARTS] if said.count(".") == _PARTS else None
        secret = secret_of(site)
        if secret is None or not hmac.compare_digest(
            _sign(secret, "session", said).encode(), signature.encode(errors="surrogatepass")
        ):
            return None
        nonce, began, used = said.split(".")[:_PARTS]
        session = Session(nonce, float(began), float(used), site)
        now = self._clock.time()
        over = now - session.used_at > IDLE or now - session.began_at > LONGEST or nonce in self._ended
        return None if over else session

    def end(self, session: Session) -> None:
        now = self._clock.time()
        self._ended = {nonce: at for nonce, at in self._ended.items() if now - at <= LONGEST}
        self._ended[session.nonce] = now

    def due(self, session: Session) -> bool:
        """Its cookie is to be written anew."""
        return self._clock.time() - session.used_at > RENEW


def form_token(session: Session, secret: bytes) -> str:
    """Stands in every form: another site cannot know it."""
    return _sign(secret, "form", session.nonce)


def is_form_token(given: str, session: Session, secret: bytes) -> bool:
    return hmac.compare_digest(form_token(session, secret).encode(), given.encode(errors="surrogatepass"))


def is_password(given: str, password: str) -> bool:
    """Takes the same time wherever the two differ, and however long they are."""
    key = secrets.token_bytes(16)
    return hmac.compare_digest(
        hmac.digest(key, given.encode(errors="surrogatepass"), "sha256"), hmac.digest(key, password.encode(), "sha256")
    )


class Password:
    """The ops page's: in clear or as a hash; neither: nothing is it."""

    def __init__(self, plain: str | None, hashed: str | None, one_at_a_time: asyncio.Lock | None = None) -> None:
        self.plain, self.hashed = plain, hashed
        #: what has been shown to be it, so that a script's every request does not cost a tenth of a second
        self._shown: str | None = None
        #: shared by all passwords of the service
        self._one_at_a_time = one_at_a_time or asyncio.Lock()

    def __bool__(self) -> bool:
        return bool(self.plain or self.hashed)

    @property
    def written(self) -> str:
        return self.plain or self.hashed or ""

    async def is_it(self, given: str) -> bool:
        known = self.plain or self._shown
        if known is not None and is_password(given, known):
            return True
        if not self.hashed:
            return False
        async with self._one_at_a_time:  # each takes 32 MiB
            right = await asyncio.to_thread(holds, given[:LONGEST_PASSWORD], self.hashed)
        if right:
            self._shown = given
        return right


def session_secret(install_key: str, password: str, *, site: str | None = None) -> bytes:
    whose = "ops" if site is None else f"ops of {site}"
    return hashlib.sha256(f"{whose}\0{len(install_key)}\0{install_key}{password}".encode()).digest()


def _sign(secret: bytes, purpose: str, said: str) -> str:
    digest = hmac.digest(secret, f"{purpose}\0{said}".encode(errors="surrogatepass"), "sha256")
    return base64.urlsafe_b64encode(digest[:24]).decode()


@dataclass(slots=True)
class _Tries:
    wrong: int
    last_at: float
    locked_until: float


class LockOut:
    """Wrong passwords make their address wait, longer each time. Very many, wherever they come from, make all wait: but for
    whoever has signed in from there before, or comes from this machine itself. Else somebody who guesses from a few dozen
    addresses would keep out those who know the password.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: OrderedDict[str, _Tries] = OrderedDict()
        #: address → when the right password last came from there
        self._known: OrderedDict[str, float] = OrderedDict()
        self._all = _Tries(0, 0.0, 0.0)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def turn(self, address: str) -> asyncio.Lock:
        """Held from asking `wait` until `wrong` or `right` was said: of guesses that come side by side each sees what came of
        the one before.
        """
        return self._turns.setdefault(household(address), asyncio.Lock())

    def wait(self, address: str) -> float:
        """Seconds for which no password is taken from there; 0: it is."""
        whose, now = household(address), self._clock.monotonic()
        tries = self._of.get(whose)
        known = is_in(address, _HERE) or now - self._known.get(whose, float("-inf")) < KNOWN_FOR
        until = max(0.0 if known else self._all.locked_until, tries.locked_until if tries else 0.0)
        return max(0.0, until - now)

    def wrong(self, address: str) -> None:
        address = household(address)
        tries = self._of.pop(address, None) or _Tries(0, 0.0, 0.0)
        self._of[address] = tries
        while len(self._of) > ADDRESSES:
            self._of.popitem(last=False)
        self._count(tries, TRIES)
        self._count(self._all, TRIES_OF_ALL)

    def right(self, address: str) -> None:
        address = household(address)
        self._of.pop(address, None)
        self._known[address] = self._clock.monotonic()
        self._known.move_to_end(address)
        while len(self._known) > ADDRESSES:
            self._known.popitem(last=False)

    def _count(self, tries: _Tries, allowed: int) -> None:
        now = self._clock.monotonic()
        if now - tries.last_at > FORGIVEN:
            tries.wrong = 0
        tries.wrong, tries.last_at = tries.wrong + 1, now
        if tries.wrong >= allowed:
            tries.locked_until = now + min(LONGEST_WAIT, WAIT * 2.0 ** min(tries.wrong - allowed, 10))
