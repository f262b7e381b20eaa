"""A configured use of a provider, ready for work: its settings and its mapping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.config import ReceiveSettings, Settings, SourceSettings
from bridge.extract import Own
from bridge.mapping.load import load_provider
from bridge.mapping.schema import ProviderMapping
from bridge.parse import Limits, SourceView


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    settings: SourceSettings
    mapping: ProviderMapping
    view: SourceView
    #: secrets in clear, those of a rotation together
    keys: tuple[str, ...]
    own: Own

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def grace(self) -> float:
        """Seconds to wait after the end, in which a chat may go on or a contact come."""
        return self.settings.grace if self.settings.grace is not None else self.mapping.grace or 0.0

    @property
    def idle(self) -> float:
        """Seconds of silence after which a chat without an end of its own has ended."""
        return self.settings.idle if self.settings.idle is not None else self.mapping.idle or 1800.0

    def proof_needs_payload(self, method: str) -> bool:
        """Whether a request of this method can be told to be authentic only once its body has been read."""
        return self.mapping.proof_is_in_body or method.upper() in self.mapping.handshake_methods

    def scope(self) -> dict[str, Any]:
        """What a CRM's templates see as `source`."""
        settings = self.settings
        return {
            "name": settings.name, "title": self.mapping.title, "language": settings.language, "region": settings.region,
            "timezone": settings.timezone, "fields": dict(settings.fields),
        }  # fmt: skip

    @classmethod
    def of(cls, settings: SourceSettings, mapping: ProviderMapping, whole: Settings) -> Source:
        return cls(
            settings=settings,
            mapping=mapping,
            view=SourceView(
                name=settings.name, fields=settings.fields, language=settings.language, region=settings.region,
                limits=_limits(whole.receive),
            ),
            keys=tuple(secret.get_secret_value() for secret in settings.secret),
            own=Own(
                phones=(*whole.own.phones, *settings.own.phones),
                emails=(*whole.own.emails, *settings.own.emails),
                domains=(*whole.own.domains, *settings.own.domains),
            ),
        )


def _limits(receive: ReceiveSettings) -> Limits:
    return Limits(receive.max_depth, receive.max_values, receive.max_messages, receive.max_parts)


def load_sources(settings: Settings) -> dict[str, Source]:
    """All that the config names. Raises MappingError."""
    search = settings.mapping_folders
    mappings = {name: load_provider(name, search=search) for name in {one.provider for one in settings.sources.values()}}
    return {name: Source.of(one, mappings[one.provider], settings) for name, one in settings.sources.items()}
