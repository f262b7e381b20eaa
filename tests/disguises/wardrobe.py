"""The five CRMs as servers of ours: each is the sandbox in a vendor's disguise, with the target that speaks to it.

`dressed` puts a whole way together: a store, the pipeline, the shipped mapping and the disguised sandbox, over HTTP, by the
test's clock. What a disguise was asked and does not know fails the test when its way ends, with the request.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from disguises import amocrm, hubspot
from disguises.amocrm import AmoCrm
from disguises.bitrix24 import Bitrix24
from disguises.disguise import Disguise
from disguises.espocrm import EspoCrm
from disguises.hubspot import HubSpot
from disguises.odoo import Odoo
from disguises.tokens import BACK, CLIENT_ID, CODE, Tokens
from fakes import FakeClock
from running import finished
from way import Way, on_the_way

from bridge.connections.targets import tokens_of
from bridge.crm.auth import consent
from bridge.model import FINAL, JobState
from bridge.sandbox.audit import audit
from bridge.sandbox.control import sow
from bridge.sandbox.faults import Faults
from bridge.sandbox.records import Records
from bridge.sandbox.switches import Switches
from bridge.store import Job

HOUR = 3600.0
#: the tests' own calls are as fast as they can be: what is too fast is said by the disguise
UNLIMITED = {"requests": {"most": 100_000, "per": "1s"}}


@dataclass(frozen=True)
class Costume:
    """A CRM to be: which disguise, which mapping, how its target is configured, how it is made."""

    mapping: str
    disguise: Callable[..., Disguise]
    target: Mapping[str, Any]
    #: of the sandbox beneath: how late its search is
    lag: float = 0.0
    #: a number of a known client as this CRM keeps it when a person typed it, and in which other way a visitor writes it
    typed: str = "8 (916) 000-00-77"
    written: str = "+7 916 000-00-77"
    #: how many phones stand on a card
    phones: int = 99
    deals: bool = True
    tasks: bool = True
    files: bool = False
    #: seconds that an access token serves, and whether a refresh token serves once; None: no tokens
    tokens: tuple[float, bool] | None = None
    #: laid over the mapping, where the vendor's address stands in it
    moved: Mapping[str, Any] | None = None
    #: how the disguise is set, beside what a test says
    options: Mapping[str, Any] = field(default_factory=dict)


_HUBSPOT_HERE = {
    "mapping_language": 1, "extends": "hubspot", "base_url": "{target.url}",
    "auth": {"endpoint": {"url": "{target.url}/oauth/v1/token"}},
}  # fmt: skip
_AMOCRM_HERE = {"mapping_language": 1, "extends": "amocrm", "file": {"upload": {"base_url": "{target.url}"}}}
_BITRIX24_APP_HERE = {
    "mapping_language": 1, "extends": "bitrix24_app", "auth": {"endpoint": {"url": "{target.url}/oauth/token/"}},
}  # fmt: skip
_AMOCRM = Costume(
    "amocrm", AmoCrm, {"fields": {
        "marker": amocrm.MARKER, "site_id": amocrm.SITE_ID, "deal_marker": amocrm.DEAL_MARKER, "tag": "chat"}},
    # a text search finds a number only as it was typed, so it has to stand there in one piece
    lag=20.0, typed="89160000077", files=True, moved=_AMOCRM_HERE,
)  # fmt: skip
_HUBSPOT = Costume(
    "hubspot", HubSpot, {"fields": {"marker": hubspot.MARKER, "site_id": hubspot.SITE_ID},
                         "portal_id": "48"}, lag=45.0, phones=2, moved=_HUBSPOT_HERE,
)  # fmt: skip

COSTUMES: Mapping[str, Costume] = {
    "amocrm": _AMOCRM,
    "bitrix24": Costume("bitrix24", Bitrix24, {"token": "${C2C_WEBHOOK}"}, lag=3.0, files=True),
    "hubspot": _HUBSPOT,
    "odoo": Costume("odoo", Odoo, {}, phones=1, files=True),
    # numbers are kept in one form only, so it is the visitor who writes in another
    "espocrm": Costume("espocrm", EspoCrm, {}, typed="+79160000077", written="8 (916) 000-00-77",
                       files=True),
}  # fmt: skip
#: those whose access runs out
WITH_TOKENS: Mapping[str, Costume] = {
    "amocrm": Costume("amocrm", AmoCrm, _AMOCRM.target, lag=20.0, tokens=(86_400.0, True)),
    "bitrix24_app": Costume("bitrix24_app", Bitrix24, {}, lag=3.0, tokens=(3600.0, True), moved=_BITRIX24_APP_HERE),
    "hubspot": Costume("hubspot", HubSpot, _HUBSPOT.target, lag=45.0, tokens=(1800.0, False), moved=_HUBSPOT_HERE),
}

every_crm = pytest.mark.parametrize("crm", COSTUMES.values(), ids=COSTUMES)
every_crm_with_deals = pytest.mark.parametrize(
    "crm", [crm for crm in COSTUMES.values() if crm.deals], ids=[name for name, crm in COSTUMES.items() if crm.deals]
)
every_crm_with_files = pytest.mark.parametrize(
    "crm", [crm for crm in COSTUMES.values() if crm.files], ids=[name for name, crm in COSTUMES.items() if crm.files]
)
every_crm_with_tokens = pytest.mark.parametrize("crm", WITH_TOKENS.values(), ids=WITH_TOKENS)


@dataclass
class Dressed:
    """One way to one disguised CRM."""

    way: Way
    crm: Costume
    disguise: Disguise

    @property
    def clock(self) -> FakeClock:
        return self.way.clock

    @property
    def records(self) -> Records:
        return self.disguise.records

    def knows(self, *clients: Mapping[str, Any]) -> list[str]:
        """Clients that have been in the CRM for a day; gives their ids."""
        made = sow(self.records, [dict(client) for client in clients])["clients"]
        self.records.db.execute("UPDATE clients SET created_at = created_at - 86400, changed_at = changed_at - 86400")
        self.records.db.execute("UPDATE points SET written_at = written_at - 86400")
        return made

    def set(self, **switches: Any) -> None:
        """The sandbox's switches; it goes on being as late as it is."""
        self.disguise.faults.set(Switches.model_validate({"index_lag": self.crm.lag, **switches}))

    def happened(self, fault: str) -> int:
        return self.disguise.faults.happened[fault]

    @property
    def tokens(self) -> Tokens:
        """What its authorisation server has given."""
        found = getattr(self.disguise, "tokens", None)
        assert isinstance(found, Tokens)
        return found

    def asked(self) -> Mapping[str, int]:
        """How often each operation was asked for."""
        return self.way.crm.parts.traffic.by_operation

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.way.rows(table)

    def clients(self) -> list[dict[str, Any]]:
        rows = [row for row in self.rows("clients") if not row["gone"]]
        return [{**row, "phones": json.loads(row["phones"]), "emails": json.loads(row["emails"])} for row in rows]

    async def chat(self, number: int, *, source: str = "shop", **more: Any) -> None:
        """A chat that ends now. `phone`, `text` … as in `running.finished`."""
        event = finished(number, **more)
        for place, message in enumerate(event["chat"]["messages"]):
            message["timestamp"] = int(self.clock.time()) - 60 + place
        await self.way.post(event, source=source)

    async def arrive(self, *, within: float = 2 * HOUR) -> list[Job]:
        """Until each job is over or waits for a person. Where nothing can go on, the clock does. Gives the jobs."""
        until = self.clock.time() + within
        worker = self.way.worker
        while not self.disguise.strange:
            await worker._start_due()
            if worker._running:
                await self._at_work()
                continue
            jobs = await self.way.jobs()
            left = [job for job in jobs if job.state not in FINAL and job.state is not JobState.HELD]
            if not left:
                return jobs
            if self.clock.time() > until:
                pytest.fail("still not over: " + "; ".join(f"{job.state} {job.reason} {job.detail}" for job in left))
            due = await self.way.store.next_due(self.way.targets)
            await self.clock.advance(max(1.0, (due or 0.0) - self.clock.time()))
        return await self.way.jobs()

    async def _at_work(self) -> None:
        """Until an attempt ends. Who sleeps is woken once nobody else gets anywhere."""
        tasks = [task for _, task in self.way.worker._running.values()]
        done, _ = await asyncio.wait(tasks, timeout=0.05 if self.clock.sleepers else 1.0, return_when=asyncio.FIRST_COMPLETED)
        if not done and self.clock.sleepers:
            await self.clock.advance(0.25)

    def nothing_twice(self) -> None:
        found = audit(self.records)
        doubled = {name: found[name] for name in found if name.startswith("doubled_")}
        assert not any(doubled.values()), (doubled, found["examples"])
        assert found["overwritten"] == 0, self.rows("overwritten")

    async def let_in(self) -> None:
        """As a person does with `chat2crm auth`: agrees, and brings the code."""
        mappings = {name: target.mapping for name, target in self.way.targets.items()}
        transports = {name: target.crm._transport for name, target in self.way.targets.items()}
        tokens = tokens_of(self.way.settings, "sales", mappings, self.way.store, self.clock, transports)
        assert tokens is not None
        await consent.begin(tokens)
        await consent.finish(tokens, CODE)


@asynccontextmanager
async def dressed(
    crm: Costume, folder: Path, clock: FakeClock, *, options: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None, **target: Any,
) -> AsyncIterator[Dressed]:
    """`options` are those of the disguise, `source` and `target` are laid over the configuration."""
    name = crm.mapping
    if crm.moved is not None:
        name = f"{crm.mapping}_here"
        (folder / "mappings" / "crms").mkdir(parents=True, exist_ok=True)
        (folder / "mappings" / "crms" / f"{name}.yaml").write_text(json.dumps(crm.moved), encoding="utf-8")
    configured = {"crm": name, "consistency_delay": None, "commits_within": None, "limits": UNLIMITED, **crm.target, **target}
    more = {**crm.options, **(options or {})}
    if crm.tokens is not None:
        lives, rotating = crm.tokens
        more["tokens"] = Tokens(clock.time, lives, rotating)
        configured |= {
            "token": None, "oauth": {"client_id": CLIENT_ID, "client_secret": "${C2C_OAUTH}", "redirect_url": BACK},
        }  # fmt: skip

    def face(records: Records, faults: Faults) -> Disguise:
        return partial(crm.disguise, **more)(records, faults)

    switches = Switches(index_lag=crm.lag)
    options_of_crm = {"face": face, "clock": clock, "switches": switches}
    async with on_the_way(folder, clock, source=source, target=configured, crm_options=options_of_crm) as way:
        made = Dressed(way, crm, cast("Disguise", way.crm.parts.face))
        if crm.tokens is not None:
            await made.let_in()
        yield made
        assert not made.disguise.strange, "the disguise was asked what it does not know:\n\n" + "\n\n".join(made.disguise.strange)


