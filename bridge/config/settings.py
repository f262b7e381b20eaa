"""What the service runs on: frozen settings, complete with their defaults."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, model_validator

from bridge.config.hours import Hours
from bridge.config.ops import AlertSettings, OpsSettings
from bridge.config.routes import OPTION_KEYS, Route, RouteOptions, gather_options
from bridge.config.sites import Site, site_of
from bridge.config.values import HttpUrl, Name, Networks, Port, Region, Secret, Secrets, Size, Span, TargetUrl, Words, Zone
from bridge.config.views import described, secrets_in
from bridge.errors import ConfigError
from bridge.mapping.statements import Statement
from bridge.mapping.suggestions import nearest
from bridge.mapping.templates import TextTemplate
from bridge.model import Frozen

KEY_LENGTH = 32



class Own(Frozen):
    """Numbers and addresses that are ours: never a visitor's, wherever they stand in a chat."""

    phones: Words = ()
    emails: Words = ()
    domains: Words = ()


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


class SourceSettings(Frozen):
    """One configured use of a provider."""

    name: Name = ""
    provider: str
    #: in the address, a header or a signature, as the provider's page says; several while one replaces the other
    secret: Secrets = ()
    #: for what the provider keeps behind its own interface
    token: Secret | None = None
    #: whose deliveries are taken, in place of `receive.networks`
    networks: Networks = ()
    #: authentic deliveries that are taken in a minute, and at once after a minute's rest; beyond them the provider is asked to
    #: come again. None: all
    most_per_minute: Annotated[int, Field(ge=1)] | None = None
    #: of the provider's own server, where a business runs it itself
    url: HttpUrl | None = None
    target: Name | None = None
    #: where numbers without a country code belong
    region: Region | None = None
    #: None: at all hours
    hours: Hours | None = None
    #: of the site's people; filled from the settings above if absent
    timezone: Zone = ""
    language: Literal["en", "ru"] = "en"
    own: Own = Own()
    #: None: as the provider's mapping says
    grace: Span | None = None
    idle: Span | None = None
    #: what else this source's mapping reads as `source.fields.…`
    fields: Mapping[str, Any] = Field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class NoteOptions(Frozen):
    """How notes are written at one target."""

    #: in place of our own layout; sees `note.title`, `note.headline`, `note.facts`, `note.transcript` and the CRM's scope
    template: TextTemplate | None = None
    #: numbers of bank cards and passports are shown as dots
    mask_cards: bool = True


class OAuthSettings(Frozen):
    """What a CRM wants to know of an integration that it lets in by OAuth 2."""

    client_id: str = ""
    client_secret: Secret | None = None
    #: where the CRM sends a person back to who has agreed; as it was entered there
    redirect_url: HttpUrl | None = None
    #: of the grant that asks for a user's own
    username: str | None = None
    password: Secret | None = None
    #: the target whose tokens are used: the same account of the same CRM; then nothing else stands here
    same_as: Name | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.same_as is not None and self.model_fields_set != {"same_as"}:
            raise ValueError("`same_as` takes all of it from that target; remove the other keys, or `same_as`")
        if self.same_as is None and not self.client_id:
            raise ValueError("`client_id` is missing: the CRM gives it for the integration; or name a target under `same_as`")
        return self


class TargetSettings(Frozen):
    """One configured use of a CRM."""

    name: Name = ""
    crm: str
    url: TargetUrl | None = None
    token: Secret | None = None
    #: in place of `token`, where the CRM gives tokens that run out
    oauth: OAuthSettings | None = None
    #: name → statement, where the CRM is spoken to in SQL
    sql: Mapping[str, Statement] = Field(default_factory=dict)
    #: an endpoint that asks nobody for a key may have a public address
    allow_public: bool = False
    #: in which the CRM's people live; filled from the settings above if absent
    timezone: Zone = ""
    #: rehearse: all but the writing; what would be written is listed
    mode: Literal["rehearse", "write"] = "rehearse"
    #: names of the CRM's own fields, read as `target.fields.…`
    fields: Mapping[str, Any] = Field(default_factory=dict)
    options: RouteOptions = RouteOptions()
    note: NoteOptions = NoteOptions()
    #: in place of the mapping's own limits
    limits: Mapping[str, Any] | None = None
    #: seconds for one request
    timeout: Span = Field(default=20.0, gt=0, le=300.0)
    #: None: as the CRM's mapping says
    commits_within: Span | None = None
    consistency_delay: Span | None = None
    #: beyond it the target is held and somebody told; None: no brake
    new_clients_per_hour: int | None = Field(default=None, ge=1)
    #: the CRM offers no way to look whether a request was carried out: a person decides, or it is sent again
    unknown_outcome: Literal["hold", "repeat"] = "hold"
    #: keys that only this CRM's mapping knows (its `options:`)
    extra: Mapping[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        """Options stand flat among the other keys. What is left over is right if the CRM's mapping names it: see
        `Settings.check_against`.
        """
        value = gather_options(value)
        if not isinstance(value, Mapping):
            return value
        known = {key: value[key] for key in value if key in cls.model_fields}
        given = known.get("extra")
        if given is not None and not isinstance(given, Mapping):  # written in the file, where it is a key like any other
            del known["extra"]
        extra = {**(known.get("extra") or {}), **{key: value[key] for key in value if key not in known}}
        return {**known, "extra": extra}

    def scope(self) -> dict[str, Any]:
        """What a mapping's templates see as `target`; holds the token in clear."""
        token = None if self.token is None else self.token.get_secret_value()
        oauth = self.oauth and {"client_id": self.oauth.client_id, "redirect_url": self.oauth.redirect_url}
        return {
            **self.extra, "name": self.name, "url": self.url, "token": token, "fields": dict(self.fields), "oauth": oauth,
            "timezone": self.timezone or None,
        }  # fmt: skip


def _long_enough(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < KEY_LENGTH:
        raise ValueError(f"the key is shorter than {KEY_LENGTH} characters; `chat2crm init` makes a good one")
    return key


class Settings(Frozen):
    """The whole configuration, as `load` gives it: names, zones and route options filled in, every name resolved."""

    store: str = Field(default="sqlite:///data/chat2crm.db", repr=False)  # a database's address holds its password
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
    _extra_places: Mapping[tuple[str, str], str] = PrivateAttr(default_factory=dict)
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

    def found_at(self, origin: Path, files: tuple[Path, ...], extra_places: Mapping[tuple[str, str], str]) -> Self:
        """The same settings, knowing where they come from (`load` calls it)."""
        known = self.model_copy()
        known._origin, known._files, known._extra_places = origin, files, extra_places  # noqa: SLF001 - its own kind
        return known

    def with_connections(
        self, sources: Mapping[str, SourceSettings], targets: Mapping[str, TargetSettings], routes: tuple[Route, ...],
        *, renamed: Callable[[str], str] = str,
    ) -> Self:
        """The same with other connections; `renamed` gives for the name that a target had here the one it has there."""
        known = self.model_copy(update={"sources": sources, "targets": targets, "routes": routes, "own": Own()})
        known._extra_places = {(renamed(name), key): place for (name, key), place in self._extra_places.items()}  # noqa: SLF001 - its own kind
        return known

    def with_sites(self, sites: Mapping[str, Site]) -> Self:
        """These settings with the connections of these sites, in the place of any that they had."""
        parts = [site.part for site in sites.values() if site.part is not None]
        sources = [(name, one) for name, one in self.sources.items() if not site_of(name)]
        targets = [(name, one) for name, one in self.targets.items() if not site_of(name)]
        routes = [one for one in self.routes if not site_of(one.source)]
        files, places = list(self._files), dict(self._extra_places)
        for part in parts:
            sources += part.sources.items()
            targets += part.targets.items()
            routes += part.routes
            files += part._files  # noqa: SLF001 - its own kind
            places |= part._extra_places  # noqa: SLF001 - as above
        known = self.model_copy(update={"sources": dict(sources), "targets": dict(targets), "routes": tuple(routes)})
        known._sites, known._extra_places = dict(sites), places  # noqa: SLF001 - as above
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
                    place = self._extra_places.get((target.name, key), str(self._origin))
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
