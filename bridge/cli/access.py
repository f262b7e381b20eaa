"""How commands reach a CRM: not at all, reading only, or up to the request that is looked for; with the store's access tokens."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from bridge.cli.beside import store_at_hand
from bridge.clock import Clock
from bridge.config import Settings
from bridge.connections.targets import mappings_of, tokens_of, transport_to
from bridge.crm.call import Tokens
from bridge.errors import EmptyExpression, Rejected
from bridge.mapping.schema import CrmMapping
from bridge.transport import Answer, PreparedRequest, Sends


class NotAsked(EmptyExpression, Rejected):
    """The CRM is not asked without --live."""


@dataclass(slots=True)
class Offline:
    """Takes the first requests down and sends none: a search that is not sent finds nobody."""

    requests: list[PreparedRequest] = field(default_factory=list)

    async def send(self, request: PreparedRequest) -> Answer:
        self.requests.append(request)
        raise NotAsked

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(slots=True)
class Watched:
    """Sends, and takes down what was sent and what came back."""

    sends: Sends
    requests: list[PreparedRequest] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    async def send(self, request: PreparedRequest) -> Answer:
        self.requests.append(request)
        answer = await self.sends.send(request)
        self.answers.append(answer)
        return answer

    async def close(self) -> None:
        await self.sends.close()


@dataclass(slots=True)
class Halting:
    """Lets through what is asked before, and keeps back the one request for which `arm` was called."""

    before: Sends
    caught: PreparedRequest | None = None
    _armed: bool = False

    async def arm(self) -> None:
        """The next request is the one: it is caught, and never sent."""
        self._armed = True

    async def send(self, request: PreparedRequest) -> Answer:
        if not self._armed:
            return await self.before.send(request)
        self.caught = request
        raise NotAsked

    async def close(self) -> None:
        """What it lets through is closed by whoever opened it."""


@dataclass(frozen=True, slots=True)
class Unspoken:
    """Stands in for access tokens where nothing is sent: each part is shown by its name."""

    names: tuple[str, ...]

    async def current(self) -> Mapping[str, str]:
        return {name: f"TOKEN-{name.upper()}" for name in ("access", *self.names)}

    async def refresh(self, stale: Mapping[str, str]) -> Mapping[str, str]:
        return stale

    async def settle(self, seconds: float) -> None:
        """Nothing is under way."""


def unspoken_tokens(settings: Settings, mappings: Mapping[str, CrmMapping]) -> dict[str, Tokens | None]:
    """Target → what stands in for its access tokens while its CRM is not asked; None: a fixed key."""
    return {
        name: Unspoken(tuple(token.keep)) if one.oauth is not None and (token := mappings[name].token) is not None else None
        for name, one in settings.targets.items()
    }


async def live_transports(settings: Settings, stack: AsyncExitStack) -> dict[str, Sends]:
    """Connections to every target's CRM, closed with the stack. Raises MappingError, ConfigError."""
    mappings = mappings_of(settings)
    transports = {name: transport_to(mappings[name], one) for name, one in settings.targets.items()}
    for transport in transports.values():
        stack.push_async_callback(transport.close)
    return transports


async def live_tokens(
    settings: Settings, transports: Mapping[str, Sends], clock: Clock, stack: AsyncExitStack
) -> dict[str, Tokens | None]:
    """Target → its access tokens out of the service's store, which is opened only if a target has some; None: a fixed key."""
    if not any(one.oauth for one in settings.targets.values()):
        return dict.fromkeys(settings.targets)
    store = await stack.enter_async_context(store_at_hand(settings))
    mappings = mappings_of(settings)
    return {name: tokens_of(settings, name, mappings, store, clock, transports) for name in settings.targets}
