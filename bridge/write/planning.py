"""From what is known to what will be done: the operations in order, and every byte of the notes. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridge.mapping.schema import Entity
from bridge.model import Client, Json, Match, Operation, OperationKind, Plan, PointKind, Role, Verdict
from bridge.write.clean import clean_line, storable
from bridge.write.enrichment import Permission, permission, stands_on
from bridge.write.head import Head
from bridge.write.keys import contact_key
from bridge.write.markup import PLAIN
from bridge.write.note import compose, in_parts, marked
from bridge.write.scope import card_points, card_values, scope_of_plan
from bridge.write.split import Block
from bridge.write.transcript import Numbered, to_be_written
from bridge.write.words import Speech
from bridge.write.work import Work

CLIENT, DEAL = "client", "deal"
#: files of one chat that are copied; a chat with more is a flood, and their links stand in the note
MOST_FILES = 20

#: note_on → where notes hang; a deal only if there is one
_PLACES: Mapping[str, tuple[str, ...]] = {"client": (CLIENT,), "open_deal": (DEAL,), "both": (CLIENT, DEAL)}
_NOBODY = Match(verdict=Verdict.NEW, reason="no contact point and no id: there is no client to attach it to")


def plan(work: Work) -> Plan:
    """Everything that one chat causes at one target. No operations: there is nothing (new) to be done.

    Deals and tasks are made once a chat, along with its first note. Raises MappingError where the mapping's limits or
    the target's note template leave no text.
    """
    operations: Sequence[Operation] = ()
    if work.match is None or work.match.verdict is not Verdict.AMBIGUOUS:
        operations = tuple(_Planner.of(work).operations())
    return Plan(match=work.match or _NOBODY, operations=tuple(operations), mapping=work.mapping.digest,
                chat_marker=work.keys.chat)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Enrichment:
    new: Mapping[str, Json]
    remarks: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Planner:
    work: Work
    head: Head
    base: Mapping[str, Json]
    #: the mapping's parts for the kind of record that the client is
    parts: Entity
    messages: Sequence[Numbered]
    #: what the note carries; empty: no note
    carried: tuple[str, ...]

    @classmethod
    def of(cls, work: Work) -> _Planner:
        client = work.match.client if work.match else None
        base = scope_of_plan(
            work.scope, work.match, owner=work.owner, chat_marker=work.keys.chat,
            # The address may hold a key, and whoever sends the request knows it.
            unstored={"url", *(name for name, option in work.mapping.options.items() if option.secret)},
            entity=client.entity if client else work.mapping.create.entity,
        )  # fmt: skip
        messages = to_be_written(work.chat, work.message_keys, work.delivered)
        return cls(
            work=work, head=Head(work, Speech(work.settings.language)), base=base,
            parts=work.mapping.for_entity(base["entity"]),
            messages=messages, carried=_carried(work, messages),
        )  # fmt: skip

    def operations(self) -> Iterator[Operation]:
        if self.work.match is None:
            yield from self._task()
            return
        enrichment = _Enrichment({}, ())
        client = self.work.match.client
        if self.work.match.verdict is Verdict.NEW:
            yield self._operation(OperationKind.CREATE, {})
        elif client:
            enrichment = self._enrichment(client)
        if enrichment.new:
            yield self._operation(OperationKind.ENRICH, {"new": dict(enrichment.new)}, carried=self._seen())
        deals = tuple(self._deal())
        notes = tuple(self._notes(enrichment.remarks, deal_comes=bool(deals)))
        # The note comes first, as it is what must not be missing, unless it hangs on the deal that is to be made.
        waits = any(note.scope["note"]["on"] == DEAL and note.scope["deal"] is None for note in notes)
        yield from (*deals, *notes) if waits else (*notes, *deals)
        yield from self._task()
        # last, since each is fetched from a server that nobody here knows
        yield from self._files()

    # -- the client ----------------------------------------------------------------------------------------------------

    def _enrichment(self, client: Client) -> _Enrichment:
        work = self.work
        points = card_points(work.points, work.options.match_limit)
        missing = [point for point in points if not stands_on(client, point)]
        allowed = permission(work.options.enrich, client, work.chat.visitor, points)
        new: Mapping[str, Json] = {}
        homeless: Sequence[str] = ()
        if self.parts.enrich and work.what_is_new and allowed.why != "never":
            new, homeless = work.what_is_new(
                client.record, self.parts.enrich,
                phones=card_values(points, PointKind.PHONE, len(points)) if allowed.given else [],
                emails=card_values(points, PointKind.EMAIL, len(points)) if allowed.given else [],
                name=self.base["visitor"]["name"], scope=self.base,
            )  # fmt: skip
        taken = {PointKind.PHONE: bool(new.get("phones")), PointKind.EMAIL: bool(new.get("emails"))}
        added = [point.value for point in missing if taken.get(point.kind) and point.value not in homeless]
        refused = [] if allowed.given else [point.value for point in missing]
        return _Enrichment(storable(new), tuple(self._remarks(added, refused, homeless, allowed)))

    def _remarks(
        self, added: Sequence[str], refused: Sequence[str], homeless: Sequence[str], allowed: Permission
    ) -> Iterator[str]:
        speech = self.head.speech
        why = speech.word(f"why_{allowed.why.value}")
        for key, values in (("added", added), ("not_added", refused), ("no_room", homeless)):
            if values:
                yield speech.word(key, value=clean_line(", ".join(values)), why=why)

    # -- what hangs on the client --------------------------------------------------------------------------------------

    def _notes(self, remarks: Sequence[str], *, deal_comes: bool) -> Iterator[Operation]:
        note = self.parts.note
        if not self.carried or note is None:
            return
        blocks = compose(self.head, self.messages, remarks, self.base)
        if not self.messages:
            blocks = [*blocks, Block((), keys=self.carried)]
        open_deal = self._open_deal()
        wanted = _PLACES["open_deal" if note.on == DEAL else self.work.options.note_on]
        places = [place for place in wanted if place == CLIENT or open_deal or deal_comes] or [CLIENT]
        made = [
            (place, part)
            for place in places
            for part in in_parts(
                blocks, note, self.work.keys, self.head, carried=self.carried, generation=self.work.generation,
                kind=OperationKind.NOTE if place == CLIENT else f"{OperationKind.NOTE}:{place}",
            )
        ]  # fmt: skip
        title = self.head.title
        for number, (place, part) in enumerate(made, start=1):
            told = {
                "text": part.text, "markup": note.markup, "on": place, "headline": PLAIN.render(self.head.headline),
                "title": self.head.speech.word("title_part", title=title, number=part.number, of=part.of)
                if part.of > 1 else title,
            }  # fmt: skip
            yield Operation(
                kind=OperationKind.NOTE, part=number, parts=len(made), marker=part.marker, message_keys=part.keys,
                scope={
                    **self.base, "note": told, "marker": part.marker, "part": {"number": part.number, "of": part.of},
                    "deal": storable(open_deal) if open_deal and place == DEAL else None,
                },
            )  # fmt: skip

    def _deal(self) -> Iterator[Operation]:
        work = self.work
        new = work.match is not None and work.match.verdict is Verdict.NEW
        # Not known whether one is open: a second deal is worse than none.
        none_open = new or (work.open_deals is not None and not work.open_deals)
        wanted = {"always": True, "new_client": new, "if_none_open": none_open}.get(work.options.deal, False)
        if wanted and self.parts.deal and not work.delivered:
            title = self.head.speech.word("deal_title", what=self.head.title.partition(": ")[0], who=self.head.who)
            options = work.options
            yield self._operation(OperationKind.DEAL, {
                "deal": {"title": title, "pipeline": options.pipeline, "stage": options.stage,
                         "source": options.deal_source},
            }, title=title, text=self._summary())  # fmt: skip

    def _files(self) -> Iterator[Operation]:
        """Copies of what was sent along, where they are wanted and the mapping says how to make one; the note has their links in
        any case.
        """
        if self.parts.file is None or self.work.options.files.how != "copy":
            return
        sent = [(numbered.key, place, file) for numbered in self.messages
                for place, file in enumerate(numbered.message.files, start=1) if file.url]  # fmt: skip
        for key, place, file in sent[:MOST_FILES]:
            told = {"url": storable(file.url), "name": clean_line(file.name), "type": clean_line(file.type)}
            yield self._operation(OperationKind.FILE, {"file": told}, carried=(key, str(place)))

    def _task(self) -> Iterator[Operation]:
        work, speech = self.work, self.head.speech
        client = work.match.client if work.match else None
        owner = (client.owner if client else None) or (work.owner if work.match else None) or work.options.duty
        wanted = work.options.missed == "task" and self.work.figures.missed and not work.delivered
        task = self.parts.task
        if not wanted or task is None or (work.match is None and (owner is None or task.needs_client)):
            return
        manner = "_no_calls" if work.wishes.no_calls else ""
        yield self._operation(
            OperationKind.TASK, {"owner": owner}, title=speech.word(f"task_missed{manner}", who=self.head.who),
            text=f"{speech.word(f'task_text{manner}')}\n{self._summary()}",
        )  # fmt: skip

    # -- their words ---------------------------------------------------------------------------------------------------

    def _operation(
        self, kind: OperationKind, extra: Mapping[str, Json], *, carried: Sequence[str] = (), title: str = "",
        text: str = "",
    ) -> Operation:
        marker = self.work.keys.operation(kind, carried, 1, self.work.generation)
        note = {"title": title, "text": marked(text, self.work.keys, marker), "markup": "plain"} if text else None
        return Operation(kind=kind, marker=marker, scope={**self.base, "note": note, "marker": marker, **extra})

    def _summary(self) -> str:
        """The chat in a few plain lines: who, the visitor's last words, where to read on."""
        chat, speech = self.work.chat, self.head.speech
        told = [PLAIN.render(self.head.headline)]
        said = [numbered for numbered in self.messages if numbered.message.role is Role.VISITOR]
        if said:
            last = self.head.quote(said[-1])
            if last:
                told.append(speech.word("last_words", value=last))
        if chat.url:
            told.append(speech.word("link") + clean_line(chat.url))
        return "\n".join(told)

    def _seen(self) -> tuple[str, ...]:
        """All that the chat tells up to here: an enrichment of a later revision is another one."""
        return (*self.work.message_keys, contact_key(self.work.chat, self.work.points))

    def _open_deal(self) -> Mapping[str, Json] | None:
        """The open deal that was changed last, where the CRM tells; else its first."""
        deals = self.work.open_deals or ()
        return max(deals, key=lambda deal: str(deal.get("changed_at") or ""), default=None)


def _carried(work: Work, messages: Sequence[Numbered]) -> tuple[str, ...]:
    """The keys of what the note will tell. A chat without messages (a form, a call-back wish) is known by its contacts."""
    if messages:
        return tuple(numbered.key for numbered in messages)
    spoken = any(message.role is not Role.INTERNAL for message in work.chat.messages)
    key = contact_key(work.chat, work.points)
    return () if spoken or key in work.delivered else (key,)

