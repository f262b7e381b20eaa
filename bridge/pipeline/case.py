"""One chat on its way to one target: what is known of it before the CRM is asked, and what follows from that alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from bridge.config import RouteOptions, Settings
from bridge.connections.route_scope import route_scope
from bridge.connections.sources import Source
from bridge.connections.targets import Target
from bridge.extract import Extraction, as_corrected, contact_points
from bridge.kpi import Kpi, kpi
from bridge.model import Chat, Client, Role
from bridge.pipeline.attempt import Attempting
from bridge.pipeline.recognise import Person
from bridge.pipeline.tally import tally
from bridge.store import StoredChat, Tally
from bridge.write import MarkerKeys, NoteSettings, card_points, contact_key, message_keys, scope

#: for so long a chat that does not say when it was may be older than a store, in seconds: providers repeat what failed for days
UNDATED = 7 * 86400.0


@dataclass
class Case:
    """Each part is worked out once, however often it is asked for."""

    attempt: Attempting
    source: Source
    target: Target
    stored: StoredChat
    found: Extraction
    options: RouteOptions
    person: Person
    settings: Settings

    @classmethod
    def of(cls, attempt: Attempting, source: Source, target: Target, stored: StoredChat, settings: Settings) -> Case:
        """Finds the contact points, and the options of the first route that fits."""
        chat = stored.chat
        found = as_corrected(contact_points(chat, region=source.settings.region, own=source.own), stored.corrected)
        options = _options(settings, source, target, chat)
        person = Person(
            source=source.name, points=card_points(found.points, options.match_limit), visitor_id=chat.visitor.id,
            external_id=chat.visitor.external_id,
        )
        return cls(attempt, source, target, stored, found, options, person, settings)

    @property
    def chat(self) -> Chat:
        return self.stored.chat

    def carries(self) -> set[str]:
        """Keys of all that this chat has to tell."""
        keyed = zip(self.message_keys, self.chat.messages, strict=True)
        told = {key for key, message in keyed if message.role is not Role.INTERNAL}
        return told or {contact_key(self.chat, self.found.points)}

    @cached_property
    def message_keys(self) -> tuple[str, ...]:
        return message_keys(self.chat)

    @cached_property
    def figures(self) -> Kpi:
        return kpi(self.chat, self.note_settings.hours, self.note_settings.tz, points=self.found.points)

    @cached_property
    def note_settings(self) -> NoteSettings:
        source = self.source.settings
        template = self.target.settings.note.template
        return NoteSettings(language=source.language, tz=source.zone, hours=source.hours, template=template)

    def markers(self) -> MarkerKeys:
        return MarkerKeys(
            self.settings.key.get_secret_value().encode(), self.target.name, self.source.name, self.chat.chat_id
        )

    @cached_property
    def scope(self) -> dict[str, Any]:
        return scope(
            self.chat, self.found.points, self.found.wishes, self.figures, source=self.source.scope(),
            target=self.target.settings.scope(), match_limit=self.options.match_limit, quiet=self.attempt.job.quiet,
        )

    @cached_property
    def unwanted(self) -> bool:
        """The route says that such chats are ignored."""
        return self.options.ignore is not None and bool(self.options.ignore(route_scope(self.chat)))

    def tally(self) -> Tally | None:
        """What the chat adds to the figures; None: nothing of it is wanted."""
        if self.unwanted:
            return None
        source, received = self.source.settings, datetime.fromtimestamp(self.attempt.job.created_at, UTC)
        return tally(self.chat, self.figures, source.hours, source.zone, received=received)

    def client_lock(self, client: Client) -> str:
        """Who writes to this client's card holds it."""
        return f"{self.target.name}/client:{client.key}"

    def perhaps_since(self, born_at: float) -> datetime | None:
        """Where the store, made at `born_at` (seconds since 1970), is younger than the chat: since when another store, lost by
        now, may have written it.
        """
        ended = self.chat.ended_at or self.chat.started_at
        if ended is None:
            young = self.attempt.job.created_at < born_at + UNDATED
            return datetime.fromtimestamp(born_at - UNDATED, UTC) if young else None
        return (self.chat.started_at or ended) if ended.timestamp() < born_at else None


def _options(settings: Settings, source: Source, target: Target, chat: Chat) -> RouteOptions:
    """Those of the first route to this target that fits, over the target's own."""
    for route in settings.routes_of(source.name):
        if route.target == target.name and (route.when is None or route.fits(route_scope(chat))):
            return target.settings.options.overlaid(route.options)
    return target.settings.options
