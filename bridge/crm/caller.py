"""One call to one target: scope → rendered → signed → paced → sent → deciphered, with a step of the trace for each try."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import tenacity

from bridge.clock import Clock
from bridge.crm.auth import sign
from bridge.crm.call import Call, Tokens
from bridge.crm.decipher import Said, check
from bridge.crm.limits import Paces
from bridge.crm.render import next_page, render
from bridge.crm.trace import call_step
from bridge.crm.waits import seconds_until
from bridge.errors import AccessRefused, AuthExpired, CrmBroken, CrmError, EmptyExpression, TryLater
from bridge.mapping.language.expressions import Findings
from bridge.mapping.schema.request import PagedRequest
from bridge.mapping.schema.speech import Speech
from bridge.mapping.statements import Statement
from bridge.model import Step
from bridge.transport import Answer, PreparedRequest, Sends
from bridge.transport.departure import leaving_when

#: tries of a safe call inside one attempt of a job, and the seconds within which they begin
TRIES = 3
TRIES_WITHIN = 5.0
#: a CRM that asks for a longer wait than this is not waited for inside an attempt
SHORT_WAIT = 2.0
#: a CRM over its limit that names no time
UNNAMED_PAUSE = 1.0


class Caller:
    """Sends calls to one target. `settings` are names for the templates besides those of each call: `target`, or `source` where
    it is a chat service that is spoken to; `base_url` sees nothing else.
    """

    def __init__(
        self,
        mapping: Speech,
        settings: Mapping[str, Any],
        *,
        transport: Sends,
        pace: Paces,
        clock: Clock,
        tokens: Tokens | None = None,
        statements: Mapping[str, Statement] | None = None,
        observe: Callable[[Step], None] | None = None,
    ) -> None:
        self._mapping = mapping
        self._settings = settings
        self._transport = transport
        self._pace = pace
        self._clock = clock
        self._tokens = tokens
        self._statements = statements or {}
        self._token_names = () if tokens is None else ("token",)
        self._observe = observe

    async def once(self, call: Call, steps: list[Step]) -> Said:
        """Send it, at most once (once more only where the CRM refused it because an access token had run out).

        Raises:
            EmptyExpression: an expression in a search, a path or a key is empty; nothing was sent.
            CrmError: sorted by what has to be done about it; `maybe_done` tells whether it may have been carried out.
        """
        return await self._asked(call, call.prepared, steps)

    async def address(self, call: Call) -> str:
        """What the call's path is appended to. Raises AccessRefused if it is not complete."""
        return self._base(call, await self._scope(call.scope))

    async def safely(self, call: Call, steps: list[Step]) -> Said:
        """Send what changes nothing, and try again at once when the CRM stumbles."""
        return await self._safely(call, None, steps)

    async def pages(self, call: Call, steps: list[Step]) -> AsyncGenerator[Page, None]:
        """The pages of a list that changes nothing by being read. The last one says whether the list ended there."""
        pages = call.request.pages if isinstance(call.request, PagedRequest) else None
        prepared: PreparedRequest | None = None
        if pages is not None and call.begin is not None:
            prepared = next_page(await self._first_page(call), pages.into, call.begin)
        into = call.begin
        for number in range(1, (pages.most if pages else 1) + 1):
            said = await self._safely(call, prepared, steps)
            into = pages.after(into, said.value, call.request.records) if pages else None
            # Without `pages` nobody knows whether the CRM would have had more.
            yield Page(said, ended=pages is not None and into is None, next=into)
            if pages is None or into is None:
                return
            if prepared is None:
                prepared = await self._first_page(call)
            if number < pages.most:
                prepared = next_page(prepared, pages.into, into)

    async def _safely(self, call: Call, prepared: PreparedRequest | None, steps: list[Step]) -> Said:
        try:
            return await self._asked(call, prepared, steps)
        except TryLater as error:
            if not _soon(error):
                raise
            stumbled = [error]

        async def ask() -> Said:
            # The first try is over: only what did not go well is worth the machinery of trying again.
            if stumbled:
                raise stumbled.pop()
            return await self._asked(call, prepared, steps)

        return await tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_after_delay(TRIES_WITHIN),
            wait=_wait,
            retry=tenacity.retry_if_exception(_soon),
            sleep=self._clock.sleep,
            reraise=True,
        )(ask)

    async def _asked(self, call: Call, prepared: PreparedRequest | None, steps: list[Step]) -> Said:
        scope = await self._scope(call.scope)
        try:
            return await self._sent(call, prepared, scope, steps)
        except AuthExpired as error:
            if self._tokens is None:
                raise AccessRefused(
                    f"{error.message} There is no way to renew it; set a new `token`.",
                    status=error.status, operation=call.operation, excerpt=error.excerpt,
                ) from error  # fmt: skip
            # Refused before it was looked at, so sending it again cannot do it twice.
            token = await self._tokens.refresh(scope.get("token") or {})
            try:
                return await self._sent(call, prepared, {**scope, "token": token}, steps)
            except AuthExpired as again:
                raise AccessRefused(
                    f"{again.message} A new one was had at once, and is refused as well: does the integration have its rights?",
                    status=again.status, operation=call.operation, excerpt=again.excerpt,
                ) from again  # fmt: skip

    async def _sent(
        self, call: Call, prepared: PreparedRequest | None, scope: Mapping[str, Any], steps: list[Step]
    ) -> Said:
        findings = Findings()
        base = self._base(call, scope) if call.prepared is None else call.prepared.url
        request = prepared or self._rendered(call, scope, findings, base=base)
        signed = sign(request, self._mapping.auth, scope, base_url=base, now=self._clock.now())
        keep = _ids(scope)
        try:
            async with self._pace.turn(call.operation) as may_leave:
                if call.guard is not None:
                    await call.guard()
                with leaving_when(may_leave):
                    answer = await self._transport.send(signed)
        except CrmError as error:
            error.operation = error.operation or call.operation
            step = call_step(self._clock.now(), call.what, request, base, error=error, keep=keep)
            self._note(step, steps)
            raise
        said = Said(answer)
        if call.nothing is not None and said.value(call.nothing, findings):
            self._note(call_step(self._clock.now(), call.what, request, base, answer=answer, keep=keep), steps)
            return Said(Answer(204))
        failure: CrmError | None = None
        try:
            check(said, self._mapping, call.request, call.operation, now=self._clock.now(), findings=findings)
            _readable(said, call)
        except CrmError as error:
            failure = error
            self._slow_down(error)
            raise
        finally:
            step = call_step(
                self._clock.now(), call.what, request, base,
                answer=answer, error=failure, detail="; ".join(findings[:3]), keep=keep,
            )  # fmt: skip
            self._note(step, steps)
        self._pause_as_told(said, findings)
        return said

    async def _first_page(self, call: Call) -> PreparedRequest:
        scope = await self._scope(call.scope)
        return self._rendered(call, scope, base=self._base(call, scope))

    def _rendered(
        self, call: Call, scope: Mapping[str, Any], findings: Findings | None = None, *, base: str
    ) -> PreparedRequest:
        name = call.request.statement
        if name is not None:
            scope = {**scope, "statement": self._statement(name, call, scope, findings)}
        return render(
            call.request, scope, base_url=base, strict=call.strict, findings=findings, more=call.more,
            standing=self._mapping.headers,
        )  # fmt: skip

    def _statement(
        self, name: str, call: Call, scope: Mapping[str, Any], findings: Findings | None
    ) -> Mapping[str, Any]:
        if name not in self._statements:
            raise EmptyExpression(f"the target has no statement `{name}` under `sql:`, so nothing is sent")
        return self._statements[name].fill(scope, findings, strict=call.strict)

    def _base(self, call: Call, scope: Mapping[str, Any]) -> str:
        # What a visitor or a chat service sent has no say in where our key goes.
        ours = {name: scope[name] for name in (*self._settings, *self._token_names)}
        try:
            return str((call.base_url or self._mapping.base_url).fill_strict(ours))
        except EmptyExpression as error:
            raise AccessRefused(
                f"The CRM's address is not complete ({error.message}); set it in the target's configuration."
            ) from error

    async def _scope(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        # The plan in the store holds no key; it is added here, for the time of the call.
        token = {"token": await self._tokens.current()} if self._tokens is not None else {}
        return {**scope, **self._settings, **token}

    def _slow_down(self, error: CrmError) -> None:
        if isinstance(error, TryLater):
            unnamed = UNNAMED_PAUSE if error.status == HTTPStatus.TOO_MANY_REQUESTS else 0.0
            self._pace.pause(unnamed if error.retry_after is None else error.retry_after)

    def _pause_as_told(self, said: Said, findings: Findings) -> None:
        pause = self._mapping.limits.pause
        if pause is None or (pause.when is not None and not said.value(pause.when, findings)):
            return
        seconds = seconds_until(said.value(pause.until, findings), self._clock.now())
        if seconds:
            self._pace.pause(seconds)

    def _note(self, step: Step, steps: list[Step]) -> None:
        steps.append(step)
        if self._observe is not None:
            self._observe(step)


@dataclass(frozen=True, slots=True)
class Page:
    said: Said
    #: True: the list certainly ends with this page
    ended: bool
    #: what leads to the next one; None if nothing does
    next: Any = None


def _readable(said: Said, call: Call) -> None:
    # A log-in page or a proxy's notice with status 200 is neither "nothing found" nor "done": taken as an empty list it
    # would make a second client.
    needed = call.strict or call.request.id is not None or call.request.records is not None
    if needed and said.answer.body.strip() and not said.is_json:
        raise CrmBroken(
            f"The CRM's answer is not JSON ({said.answer.status}): is the target's `url` the CRM's own address? "
            f"It begins: {said.excerpt}",
            status=said.answer.status, operation=call.operation, excerpt=said.excerpt,
        )  # fmt: skip


def _soon(error: BaseException) -> bool:
    return isinstance(error, TryLater) and (error.retry_after or 0.0) <= SHORT_WAIT


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    told = error.retry_after if isinstance(error, TryLater) else None
    return float(told) if told is not None else float(0.25 * 2 ** (state.attempt_number - 1))


def _ids(scope: Mapping[str, Any]) -> tuple[str, ...]:
    """Ids that may stand in a path in clear, although a long number looks like a phone."""
    client = scope.get("client")
    return (str(client.get("id")),) if isinstance(client, Mapping) and client.get("id") else ()
