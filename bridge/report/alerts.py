"""ALERTS — somebody is told that a person is needed: once a cause, and once more when it is over.

Which causes are open stands in the store, so a restart tells nobody twice. What the webhook did not take is offered to it again
on every round, for as long as this process lives. No contact data leaves by this way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import structlog
import tenacity

from bridge.clock import Clock
from bridge.config import site_of
from bridge.config.messages import filled
from bridge.errors import BridgeError, TryLater
from bridge.pacing.board import Board
from bridge.report.troubles import KINDS, NOTICED, Trouble, by_cause, noticed, resting, sentence, troubles
from bridge.report.words import WORDS
from bridge.report.words.language import Language
from bridge.store import Store
from bridge.transport import PreparedRequest, Sends

log = structlog.get_logger()

#: seconds between two rounds
EVERY = 30.0
#: seconds after which something that is noticed in passing, and was not noticed again, counts as over
FADES = 3600.0
#: bytes on the store's disk below which somebody is told; seconds after which an access token that nobody has renewed may soon be
#: renewable no more; seconds for which a delivery may lie unread
LEAST_ROOM, UNUSED, UNREAD = 512 * 2**20, 7 * 86400.0, 300.0
#: tries of one post within a round
TRIES = 3
#: statuses of a webhook that ask to come again
COME_AGAIN = frozenset({408, 425, 429})
SERVER_ERROR = 500

_BREAKER = f"{resting.KIND}:"
#: beginnings of causes whose end shows in the store as well
_SEEN_IN_STORE = tuple(f"{kind}:" for kind in KINDS if kind not in NOTICED)


class Alerts:
    """Tells people, by a webhook, in the store and in the log.

    Args:
        url: where alerts are posted as JSON; it carries a key, so it is never logged. None: they stand in the store, in the
            log and on the overview only.
        page: address under which people reach the ops page, for the links.
        transport: for the posts; None if there is no `url`.
        body: the shape of what is posted, see bridge.config.messages; None: our own.
        room: bytes that are free on the store's disk; None: not known.
        accounts: names under which access tokens are kept that run out.
        sources: names of the chat connections; one that says nothing for `silence` times its usual gap is told of (0: none).
        board: where there are replicas: what one of them has noticed in passing is not over because another has not.
        resting: knows which CRM connections have given no answer for long; None: nobody is told of that.
    """

    def __init__(  # noqa: PLR0913 - where to tell, and what to look at
        self, store: Store, url: str | None, clock: Clock, language: Language, transport: Sends | None, *, page: str = "",
        sources: Callable[[], Iterable[str]] = tuple, silence: int = 0, body: Mapping[str, Any] | None = None,
        room: Callable[[], int | None] = lambda: None, accounts: Callable[[], Iterable[str]] = tuple,
        board: Board | None = None, resting: resting.Resting | None = None,
    ) -> None:
        self._store = store
        self._url = url
        self._clock = clock
        self._language: Language = language
        self._transport = transport
        self._page = page.rstrip("/")
        self._sources = sources
        self._silence = silence
        self._body = body
        self._room = room
        self._accounts = accounts
        self._board = board
        self._resting = resting
        #: cause → of when what was noticed the other replicas know
        self._told_others: dict[str, float] = {}
        #: what was noticed in passing: cause → its words, and when it was noticed last
        self._noticed: dict[str, tuple[str, float]] = {}
        self._passed: set[str] = set()
        self._unsent: dict[str, dict[str, Any]] = {}
        self._began = clock.time()

    @property
    def unsent(self) -> int:
        """How many messages the webhook has not taken yet."""
        return len(self._unsent)

    def notice(self, cause: str, text: str) -> None:
        """Something was seen in passing (`clock:shop`). Costs nothing; the next round tells."""
        self._passed.discard(cause)
        self._noticed[cause] = (text, self._clock.time())

    def passed(self, cause: str) -> None:
        """It was seen that this is over. Costs nothing; the next round tells, if anybody has been told of it."""
        self._noticed.pop(cause, None)
        self._passed.add(cause)

    async def watch(self, every: float = EVERY) -> None:
        """Rounds for ever; whatever goes wrong in one is logged."""
        while True:
            try:
                await self.look()
            except (BridgeError, OSError) as error:
                log.warning("alerts.unwatched", why=str(error))
            except Exception:
                log.exception("alerts.broke")
            await self._clock.sleep(every)

    async def look(self) -> None:
        """One round: tell what has begun, what is over, and what could not be told before."""
        now = self._clock.time()
        await self._look_around(now)
        already = await self._store.open_alerts()
        await self._look_at_breakers(already)
        found = dict(by_cause(await troubles(self._store, now, sources=self._sources(), silence=self._silence)))
        self._noticed = {cause: seen for cause, seen in self._noticed.items() if now - seen[1] < FADES}
        texts = {cause: sentence(trouble, self._language) for cause, trouble in found.items()}
        texts |= {cause: self._words(cause, text) for cause, (text, _) in self._noticed.items()}
        await self._tell_others()
        for cause in [cause for cause in already if self._is_over(cause, found, now)]:
            if not await self._noticed_by_another(cause) and await self._store.resolve_alert(cause):
                self._tell(cause, already[cause], "resolved", found.get(cause) or noticed(cause))
        self._passed.clear()
        for cause, text in texts.items():
            if cause not in already and await self._store.raise_alert(cause, text):
                self._tell(cause, text, "open", found.get(cause) or noticed(cause))
        await self._send()

    async def _look_around(self, now: float) -> None:
        """At what the store's rows do not say."""
        room = self._room()
        if room is not None and room < LEAST_ROOM:
            self.notice("disk:store", "")
        for name in self._accounts():
            row = await self._store.token(name)
            if row is not None and row.expires_at is not None and not row.ended and now - row.expires_at > UNUSED:
                self.notice(f"token:{name}", "")
        unsorted = (await self._store.reading().backlog())["unsorted_oldest"]
        if unsorted is not None and now - unsorted > UNREAD:
            self.notice("queue:deliveries", "")

    async def _look_at_breakers(self, already: Iterable[str]) -> None:
        if self._resting is None:
            return
        told = [cause.removeprefix(_BREAKER) for cause in already if cause.startswith(_BREAKER)]
        begun, over = await self._resting.look(self._store.reading(), told)
        self._noticed = {cause: seen for cause, seen in self._noticed.items() if not cause.startswith(_BREAKER)}
        for name in begun:
            self.notice(f"{_BREAKER}{name}", "")
        for name in over:
            self.passed(f"{_BREAKER}{name}")

    def _is_over(self, cause: str, found: Mapping[str, Trouble], now: float) -> bool:
        if cause.startswith(_SEEN_IN_STORE):
            return cause not in found
        if cause in self._passed:
            return True
        if cause.startswith(_BREAKER) and self._resting is not None:
            return False  # its end is seen, however long that takes
        # noticed in passing; after a restart it gets the time to be noticed again
        return cause not in self._noticed and not cause.startswith("probe:") and now - self._began >= FADES

    async def _tell_others(self) -> None:
        """Before the alert is raised: whoever finds it open then knows that it was noticed."""
        for cause, (_, at) in self._noticed.items():
            if self._board is not None and self._told_others.get(cause) != at:
                await self._board.agree(f"noticed:{cause}", lambda _, now: (str(now), None))
                self._told_others[cause] = at

    async def _noticed_by_another(self, cause: str) -> bool:
        # breakers are agreed on: what one replica sees of them all see
        if self._board is None or cause.startswith((*_SEEN_IN_STORE, _BREAKER)):
            return False
        return await self._board.agree(f"noticed:{cause}", lambda held, now: (held, 0.0 <= now - float(held or 0.0) < FADES))

    def _words(self, cause: str, text: str) -> str:
        trouble = noticed(cause)
        return sentence(trouble, self._language) if trouble else text

    def _tell(self, cause: str, text: str, state: str, trouble: Trouble | None) -> None:
        log.warning("alert.raised" if state == "open" else "alert.resolved", cause=cause, text=text)
        if self._url is None:
            return
        if state == "resolved":
            if self._unsent.pop(cause, None) is not None:
                return  # nobody has heard of it yet
            text = WORDS[self._language]["resolved"].format(text=text)
        self._unsent[cause] = {
            "text": text, "cause": cause, "state": state, "count": trouble.count if trouble else 0,
            "url": self._link(cause, trouble),
        }  # fmt: skip

    def _link(self, cause: str, trouble: Trouble | None) -> str:
        """To the page that lists it, or the first one; of what is one customer's to that customer's own view."""
        site = next(filter(None, map(site_of, cause.split(":"))), None)
        path = trouble.path if trouble else "/" if site else ""
        chosen = f"{'&' if '?' in path else '?'}{urlencode({'site': site})}" if site else ""
        return f"{self._page}{path}{chosen}" if self._page else ""

    async def _send(self) -> None:
        for cause, message in list(self._unsent.items()):
            try:
                taken = await self._post(message)
            except BridgeError as error:
                # the others would fare no better now
                log.warning("alert.unsent", cause=cause, code=error.code, why=error.message, unsent=len(self._unsent))
                return
            if not taken:
                log.warning("alert.refused", cause=cause, why="the webhook refuses it; look at `alerts.url`")
            self._unsent.pop(cause, None)

    async def _post(self, message: Mapping[str, Any]) -> bool:
        """True if the webhook took it, False if it never will. Raises TryLater."""
        if self._url is None or self._transport is None:
            return True
        shaped = message if self._body is None else filled(self._body, message)
        request = PreparedRequest(
            "POST", self._url, {"content-type": "application/json"}, json.dumps(shaped, ensure_ascii=False).encode()
        )
        async for attempt in tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(TRIES), wait=tenacity.wait_exponential(multiplier=1, max=10),
            retry=tenacity.retry_if_exception_type(TryLater), sleep=self._clock.sleep, reraise=True,
        ):  # fmt: skip
            with attempt:
                answer = await self._transport.send(request)
                if answer.status >= SERVER_ERROR or answer.status in COME_AGAIN:
                    raise TryLater(f"The webhook answered {answer.status}.", status=answer.status)
                return 200 <= answer.status < 300  # noqa: PLR2004 - HTTP's own numbers
        raise AssertionError  # tenacity either returns or raises
