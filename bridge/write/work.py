"""What the plan is made from: everything that was found out and configured, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any, Protocol

from bridge.kpi import Hours, Kpi, kpi
from bridge.mapping.language.templates import Template
from bridge.mapping.schema import CrmMapping, Enrich
from bridge.model import Chat, Client, ContactPoint, Json, Match, Wishes
from bridge.write.keys import message_keys
from bridge.write.markers import MarkerKeys
from bridge.write.scope import scope
from bridge.write.words import Language


class FileOptions(Protocol):
    """What is done with files that were sent along."""

    @property
    def how(self) -> str: ...


class Options(Protocol):
    """The options of the route that a plan asks for."""

    @property
    def enrich(self) -> str: ...
    @property
    def deal(self) -> str: ...
    @property
    def pipeline(self) -> str | None: ...
    @property
    def stage(self) -> str | None: ...
    @property
    def deal_source(self) -> str | None: ...
    @property
    def note_on(self) -> str: ...
    @property
    def files(self) -> FileOptions: ...
    @property
    def missed(self) -> str: ...
    @property
    def duty(self) -> str | None: ...
    @property
    def match_limit(self) -> int: ...


class WhatIsNew(Protocol):
    """Compares what was given with a client's record, as the mapping's `enrich:` says.

    Gives what is to be added, by name (`phones`, `emails`, `name`, …; empty if nothing is), and the values that found no
    room on the card.
    """

    def __call__(
        self, record: Mapping[str, Json], enrich: Enrich, *,
        phones: Sequence[str], emails: Sequence[str], name: str | None, scope: Mapping[str, Json],
    ) -> tuple[Mapping[str, Json], Sequence[str]]: ...


@dataclass(frozen=True, kw_only=True)
class NoteSettings:
    """How notes are written for one source and target."""

    language: Language = "ru"
    tz: tzinfo = UTC
    #: None: at all hours
    hours: Hours | None = None
    #: the target's `note.template`, in place of our own layout
    template: Template | None = None


@dataclass(frozen=True, kw_only=True)
class Work:
    """One chat, one target."""

    chat: Chat
    #: best first
    points: tuple[ContactPoint, ...]
    wishes: Wishes
    #: index into chat.messages → spans of numbers that nobody may read in a CRM (cards, passports)
    masked: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    #: of each message, in their order
    message_keys: tuple[str, ...]
    figures: Kpi
    #: what the templates see of the chat before anybody knows whose it is
    scope: Mapping[str, Json]
    #: None: nobody to attach it to (no contact point, no id)
    match: Match | None
    options: Options
    settings: NoteSettings
    mapping: CrmMapping
    keys: MarkerKeys
    #: keys of the messages that stand in the CRM
    delivered: frozenset[str] = frozenset()
    #: 1, and one more each time a person asks for everything to be written again
    generation: int = 1
    #: the client's open deals as the mapping reads them (id, title, …); None: not asked, or the CRM cannot tell
    open_deals: Sequence[Mapping[str, Json]] | None = None
    #: the chat is old: nothing that a CRM does by itself may be set off
    quiet: bool = False
    #: the CRM's user who is to own what is written, as found by the operator's e-mail or configured
    owner: str | None = None
    what_is_new: WhatIsNew | None = None
    card_url: Callable[[Client], str | None] | None = None

    @classmethod
    def over(
        cls, chat: Chat, points: tuple[ContactPoint, ...], wishes: Wishes, *, options: Options, settings: NoteSettings,
        source: Mapping[str, Json], target: Mapping[str, Json], quiet: bool = False, **rest: Any,
    ) -> Work:
        """With what follows from the chat itself worked out here, for who has not done so before."""
        figures = kpi(chat, settings.hours, settings.tz, points=points)
        return cls(
            chat=chat, points=points, wishes=wishes, options=options, settings=settings, quiet=quiet,
            message_keys=message_keys(chat), figures=figures,
            scope=scope(chat, points, wishes, figures, source=source, target=target,
                        match_limit=options.match_limit, quiet=quiet),
            **rest,
        )  # fmt: skip
