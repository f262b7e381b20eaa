"""HEALTH — /healthz: the process answers. /readyz: deliveries can be taken, and how everything else is.

Both are open, for probes that cannot sign in: names from the config and our own words, nothing else.
"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from aiohttp import web

from bridge.config import site_of
from bridge.errors import BridgeError
from bridge.report.deps import Deps

log = structlog.get_logger()

#: seconds for which an answer is given again: probes are many, and each one writes to the disk
CACHED = 5.0
#: seconds a write may take before the store counts as unwritable
PATIENCE = 3.0
#: the cause under which the store is written to for a try
PROBE = "probe:store"


class Health:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._known: tuple[float, bool, dict[str, Any]] | None = None
        self._asking = asyncio.Lock()

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/healthz", self.healthy)
        router.add_get("/readyz", self.ready)

    async def healthy(self, request: web.Request) -> web.Response:  # noqa: ARG002 - the router passes it
        return web.Response(text="ok\n")

    async def ready(self, request: web.Request) -> web.Response:  # noqa: ARG002 - the router passes it
        ready, state = await self.state()
        return web.json_response(state, status=200 if ready else 503)

    async def state(self) -> tuple[bool, dict[str, Any]]:
        """Whether deliveries can be taken, and the state of each part in words."""
        async with self._asking:
            now = self._deps.clock.monotonic()
            if self._known is None or now - self._known[0] >= CACHED:
                self._known = (now, *await self._ask())
        return self._known[1], self._known[2]

    async def _ask(self) -> tuple[bool, dict[str, Any]]:
        deps = self._deps
        why = await self._unwritable()
        state: dict[str, Any] = {"ready": why is None, "store": why or "ok"}
        state["parts"] = {name: "runs" if runs else "has ended" for name, runs in deps.alive().items()}
        # nobody has to sign in for this, so it does not say who an agency's customers are
        state["targets"] = {name: deps.breakers.state(name) for name in deps.targets if not site_of(name)}
        if why is None:
            for name, stop in (await deps.store.stops()).items():
                if name in state["targets"]:
                    state["targets"][name] = f"stopped: {stop.reason}"
        if deps.alerts.unsent:
            state["alerts"] = f"{deps.alerts.unsent} not delivered; look at `alerts.url`"
        return why is None, state

    async def _unwritable(self) -> str | None:
        """A write that is really carried out: a full disk shows in nothing else."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._deps.store.raise_alert(PROBE, "")
                await self._deps.store.resolve_alert(PROBE)
        except TimeoutError:
            why = f"no write came through within {PATIENCE:g} s"
        except (BridgeError, OSError) as error:
            code = error.code if isinstance(error, BridgeError) else type(error).__name__
            log.warning("store.failed", why=str(error))
            why = f"cannot be written ({code}); the log says why"
        else:
            return None
        return why
