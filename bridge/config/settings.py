"""What the service runs on: frozen settings, complete with their defaults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, model_validator

from bridge.config.connections import Own, SourceSettings, TargetSettings
from bridge.config.ops import AlertSettings, OpsSettings
from bridge.config.routes import OPTION_KEYS, Route
from bridge.config.sites import Site, site_of
from bridge.config.values import HttpUrl, Name, Networks, Port, Secret, Size, Span, StoreUrl, Words, Zone
from bridge.config.views import described, secrets_in
from bridge.errors import ConfigError
from bridge.mapping.suggestions import nearest
from bridge.model import Frozen

KEY_LENGTH = 32


class ReceiveSettings(Frozen):
    """The public listener."""

    host: str = "0.0.0.0"  # noqa: S104 - the public listener; the container or the proxy before it decides who gets here
    port: Port = 8080
    max_body: Size = 2 * 2**20
    #: of what an authentic body may hold beyond its bytes; what is more is kept and shown, and not read
    max_depth: int = Field(default=64, ge=8, le=100)
    max_values: int = Field(default=100_000, ge=1000, le=2_000_000)
    max_messages: int = Field(default=5_000, ge=10, le=100_000)
    max_parts: int = Field(default=1_000, ge=10, le=100_000)
    #: the address under which providers reach us, for the URLs we print and for signatures that cover the URL
    public_url: HttpUrl | None = None
    #: whose X-Forwarded-… headers are believed
    trusted_proxies: Networks = ()
    #: seconds a sender may take over its headers, and over its body
    timeout: Span = 15.0
    #: at once; no more than the limit of open files allows
    connections: int = Field(default=10_000, ge=16)
    connections_per_address: int = Field(default=256, ge=1)
    #: requests a second without proof, in the long run; whoever sends more is answered more slowly
    refused_per_address: float = Field(default=10.0, gt=0)
    #: whose deliveries are taken at all; none: everybody's
    networks: Networks = ()
    #: seconds that requests in flight get at shut-down
    drain: Span = 8.0


class Retention(Frozen):
    """How long things are kept, in seconds."""

    raw: Span = 7 * 86400.0
    chats: Span = 180 * 86400.0
    keys: Span = 2 * 365 * 86400.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.raw <= self.chats <= self.keys:
            raise ValueError(
                "raw deliveries may not outlive chats, nor chats the keys by which repetitions are known;"
                " write raw ≤ chats ≤ keys"
            )
        return self


class WorkerSettings(Frozen):
    concurrency: int = Field(default=16, ge=1, le=1000)
    #: seconds for which a job is a worker's own, unless renewed
    lease: Span = Field(default=60.0, ge=10.0)


class RetrySettings(Frozen):
    first: Span = Field(default=5.0, gt=0)
    longest: Span = 3600.0
    attempts: int = Field(default=40, ge=1)
    give_up_after: Span = 7 * 86400.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.first <= self.longest <= self.give_up_after:
            raise ValueError("write first ≤ longest ≤ give_up_after")
        return self


def _long_enough(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < KEY_LENGTH:
        raise ValueError(f"the key is shorter than {KEY_LENGTH} characters; `chat2crm init` makes a good one")
    return key


class Settings(Frozen):
    """The whole configuration, as `load` gives it: names, zones and route options filled in, every name resolved."""

    store: StoreUrl = Field(default="sqlite:///data/chat2crm.db", repr=False)  # a database's address holds its password
    #: files of customers, one each, as patterns below the folder of config.yaml
    include: Words = ()
    #: markers rest on it: kept with the backups
    key: Annotated[Secret, AfterValidator(_long_enough)]
    timezone: Zone = "Europe/Moscow"
    language: Literal["en", "ru"] = "en"
    receive: ReceiveSettings = ReceiveSettings()
    ops: OpsSettings = OpsSettings()
    alerts: AlertSettings = AlertSettings()
    retention: Retention = Retention()
    worker: WorkerSettings = WorkerSettings()
    retry: RetrySettings = RetrySettings()
    #: holds for every source, beside its own
    own: Own = Own()
    sources: Mapping[Name, SourceSettings] = Field(default_factory=dict)
    targets: Mapping[Name, TargetSettings] = Field(default_factory=dict)
    #: as written down, each with its target's options filled in; a source's last one is added by `routes_of`
    routes: tuple[Route, ...] = ()

    _origin: Path = PrivateAttr(default=Path())
    _files: tuple[Path, ...] = PrivateAttr(default=())
    _target_places: Mapping[tuple[str, str], str] = PrivateAttr(default_factory=dict)
    _sites: Mapping[str, Site] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _names_and_inherits(cls, value: Any) -> Any:
        """A source and a target know their names and have a time zone, and a source a language."""
        if not isinstance(value, Mapping):
            return value
        inherited = {key: value[key] for key in ("timezone", "language") if key in value}
        inherited.setdefault("timezone", cls.model_fields["timezone"].default)
        given = {"sources": inherited, "targets": {"timezone": inherited["timezone"]}}
        filled = {}
        for key, above in given.items():
            if isinstance(value.get(key), Mapping):
                filled[key] = {name: {**above, **one, "name": name} if isinstance(one, Mapping) else one
                               for name, one in value[key].items()}  # fmt: skip
        return {**value, **filled}

    def found_at(self, origin: Path, files: tuple[Path, ...], target_places: Mapping[tuple[str, str], str]) -> Self:
        """The same settings, knowing where they come from (`load` calls it)."""
        known = self.model_copy()
        known._origin, known._files, known._target_places = origin, files, target_places  # noqa: SLF001 - its own kind
        return known

    def with_connections(
        self, sources: Mapping[str, SourceSettings], targets: Mapping[str, TargetSettings], routes: tuple[Route, ...],
        *, renamed: Callable[[str], str] = str,
    ) -> Self:
        """The same with other connections; `renamed` gives for the name that a target had here the one it has there."""
        known = self.model_copy(update={"sources": sources, "targets": targets, "routes": routes, "own": Own()})
        known._target_places = {(renamed(name), key): place for (name, key), place in self._target_places.items()}  # noqa: SLF001 - its own kind
        return known

    def with_sites(self, sites: Mapping[str, Site]) -> Self:
        """These settings with the connections of these sites, in the place of any that they had."""
        parts = [site.part for site in sites.values() if site.part is not None]
        sources = [(name, one) for name, one in self.sources.items() if not site_of(name)]
        targets = [(name, one) for name, one in self.targets.items() if not site_of(name)]
        routes = [one for one in self.routes if not site_of(one.source)]
        files, places = list(self._files), dict(self._target_places)
        for part in parts:
            sources += part.sources.items()
            targets += part.targets.items()
            routes += part.routes
            files += part._files  # noqa: SLF001 - its own kind
            places |= part._target_places  # noqa: SLF001 - as above
        known = self.model_copy(update={"sources": dict(sources), "targets": dict(targets), "routes": tuple(routes)})
        known._sites, known._target_places = dict(sites), places  # noqa: SLF001 - as above
        known._files = tuple(dict.fromkeys(files))  # noqa: SLF001 - as above
        return known

    def only(self, site: str) -> Self:
        """What of these settings is one customer's: their connections, and the time in which they live."""
        mine = self._sites.get(site)
        part = mine.part if mine is not None else None
        known = self.model_copy(update={
            "sources": {name: one for name, one in self.sources.items() if site_of(name) == site},
            "targets": {name: one for name, one in self.targets.items() if site_of(name) == site},
            "routes": tuple(one for one in self.routes if site_of(one.source) == site),
            "ops": OpsSettings() if part is None else part.ops, "own": Own(),
            "alerts": AlertSettings(silence=self.alerts.silence, unanswered=self.alerts.unanswered),
            **({"timezone": part.timezone} if part is not None else {}),
        })  # fmt: skip
        known._sites = {} if mine is None else {site: mine}  # noqa: SLF001 - its own kind
        return known

    @property
    def sites(self) -> Mapping[str, Site]:
        """Customers whose files `include` names, by name, also those whose file cannot be used."""
        return self._sites

    @property
    def access(self) -> Mapping[str, OpsSettings]:
        """Customers whose people or scripts may use the ops page, each for their own connections alone."""
        return {name: site.part.ops for name, site in self._sites.items() if site.part is not None}

    @property
    def origin(self) -> Path:
        """The file these settings were read from."""
        return self._origin

    def place_of(self, target: str, key: str = "") -> str:
        """file:line:column of a target, or of one of its keys if it stands there."""
        there = self._target_places
        return there.get((target, key)) or there.get((target, "")) or str(self._origin)

    @property
    def mapping_folders(self) -> list[Path]:
        """Where a user's own mappings are looked for: `mappings/` beside the config."""
        return [self._origin.absolute().parent / "mappings"]

    @property
    def secret_files(self) -> tuple[Path, ...]:
        """Files that secrets were read from, `.env` included, so that their permissions can be checked."""
        return self._files

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def own_of(self, source: str) -> Own:
        """What is ours for this source: everybody's and its own."""
        one = self.sources[source].own
        return Own(phones=(*self.own.phones, *one.phones), emails=(*self.own.emails, *one.emails),
                   domains=(*self.own.domains, *one.domains))  # fmt: skip

    def routes_of(self, source: str) -> tuple[Route, ...]:
        """The routes of a source in the order in which they are tried; `routes.choose` takes from them."""
        named = tuple(route for route in self.routes if route.source == source)
        last = self.sources[source].target
        if last is None:
            return named
        # not checked again: names of a site's connections have a dot in them, which nobody may write
        return (*named, Route.model_construct(source=source, target=last, options=self.targets[last].options))

    def check_against(self, options_of: Callable[[str], Collection[str]]) -> None:
        """Refuse keys of a target that its CRM's mapping does not name under `options:`.

        `options_of` gives those names for a target's `crm`. Raises ConfigError with every such key and its place.
        """
        wrong = []
        for target in self.targets.values():
            named = set(options_of(target.crm)) if target.extra else set()
            for key in target.extra:
                if key not in named:
                    place = self.place_of(target.name, key)
                    known = sorted(named | TARGET_KEYS)
                    wrong.append(f"{place}: targets.{target.name}: unknown key `{key}`{nearest(key, known)};"
                                 f" known for {target.crm}: {', '.join(known)}")  # fmt: skip
        if wrong:
            raise ConfigError("\n".join(wrong))

    def secrets(self) -> Iterator[str]:
        """Every secret in clear, for the masking of log lines."""
        yield from secrets_in(self)
        for ops in self.access.values():
            yield from secrets_in(ops)

    def describe(self) -> dict[str, Any]:
        """The settings as understood, for people: a secret is `set`, or `not set` where one could be."""
        shown: dict[str, Any] = described(self)
        return shown


TARGET_KEYS = frozenset(TargetSettings.model_fields) - {"name", "options", "extra"} | OPTION_KEYS
"""What may stand at any target, whichever CRM it is."""
