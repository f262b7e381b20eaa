"""MATCH — contact points and what the CRM found → found, new or ambiguous, with the reason in words.

A hit counts only if one of the points stands in its own fields: searches run over more than they say, and nothing is ever
attached to a card on a search engine's word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.model import Claim, Client, ContactPoint, Match, PointKind, Verdict
from bridge.phone_digits import same_email, same_phone

Language = Literal["en", "ru"]

_WORDS: dict[str, dict[str, str]] = {
    "external": {"en": "the site's own id of the visitor", "ru": "номер посетителя на сайте"},
    "phone": {"en": "phone", "ru": "телефон"},
    "email": {"en": "e-mail", "ru": "e-mail"},
    "found": {"en": "The client's card has the same: {by}.", "ru": "В карточке клиента тот же: {by}."},
    "none": {"en": "Nobody in the CRM has these contact points.", "ru": "В CRM нет никого с такими контактами."},
    "unchecked": {
        "en": "The search gave {n} card(s) on which none of the contact points stands; they do not count.",
        "ru": "Поиск дал карточки ({n}), на которых этих контактов нет; они не в счёт.",
    },
    "conflict": {
        "en": "Phone and e-mail belong to different clients; the {by} decides (conflict: {policy}).",
        "ru": "Телефон и e-mail принадлежат разным клиентам; решает {by} (conflict: {policy}).",
    },
    "conflict_hold": {
        "en": "Phone and e-mail belong to different clients, and conflict: hold asks a person.",
        "ru": "Телефон и e-mail принадлежат разным клиентам, и по conflict: hold решает человек.",
    },
    "several": {
        "en": "{n} cards have these contact points; taken: {by}.",
        "ru": "С такими контактами карточек: {n}; выбрана {by}.",
    },
    "several_hold": {
        "en": "{n} cards have these contact points, and ambiguous: hold asks a person.",
        "ru": "С такими контактами карточек: {n}, и по ambiguous: hold решает человек.",
    },
    "open_deal": {"en": "the one with an open deal", "ru": "та, где есть открытая сделка"},
    "last_changed": {"en": "the one changed last", "ru": "изменённая последней"},
    "oldest": {"en": "the oldest", "ru": "самая старая"},
    "newest": {"en": "the newest", "ru": "самая новая"},
    "chosen": {"en": "A person chose this client.", "ru": "Клиента выбрал человек."},
    "named": {
        "en": "The CRM says that it has this person already, and the card has the same contact data.",
        "ru": "CRM сообщила, что этот человек в ней уже есть, и на карточке те же контакты.",
    },
    "told": {
        "en": "This target is only told of chats: it has no clients that could be asked for.",
        "ru": "Этому получателю чаты только передаются: клиентов, о которых его можно спросить, у него нет.",
    },
    "visitor": {
        "en": "The visitor's earlier chat is on this card.",
        "ru": "На этой карточке прошлый чат этого посетителя.",
    },
}


def words(language: Language, key: str, **values: object) -> str:
    return _WORDS[key][language].format(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """On what a card and the visitor agree."""

    client: Client
    external: bool
    own: tuple[ContactPoint, ...]
    unclear: tuple[ContactPoint, ...]

    @property
    def kinds(self) -> set[PointKind]:
        return {point.kind for point in (self.own or self.unclear)}


def agreement(client: Client, points: Sequence[ContactPoint], external_id: str | None = None) -> Agreement | None:
    """What of `points` stands on the client's card; None if nothing does."""
    shared = [point for point in points if point.claim is not Claim.OTHER and _stands_on(client, point)]
    external = bool(external_id) and client.external_id == external_id
    if not shared and not external:
        return None
    return Agreement(
        client=client,
        external=external,
        own=tuple(point for point in shared if point.claim is Claim.OWN),
        unclear=tuple(point for point in shared if point.claim is Claim.UNCLEAR),
    )


def _stands_on(client: Client, point: ContactPoint) -> bool:
    if point.kind is PointKind.PHONE:
        return any(same_phone(point.value, written) for written in client.phones)
    if point.kind is PointKind.EMAIL:
        return any(same_email(point.value, written) for written in client.emails)
    return False


def contenders(points: Sequence[ContactPoint], hits: Sequence[Client], external_id: str | None = None) -> list[Agreement]:
    """The hits that count, of the strongest kind there is: external id, then points that are surely the visitor's, then the
    others; persons before companies.
    """
    agreed = [one for hit in hits if (one := agreement(hit, points, external_id)) is not None]
    for strongest in (
        [one for one in agreed if one.external],
        [one for one in agreed if one.own],
        agreed,
    ):
        if strongest:
            persons = [one for one in strongest if one.client.entity != "company"]
            return persons or strongest
    return []


def decide(
    points: Sequence[ContactPoint],
    hits: Sequence[Client],
    *,
    external_id: str | None = None,
    ambiguous: str = "active",
    conflict: str = "phone",
    with_open_deal: Mapping[str, int] | None = None,
    language: Language = "en",
) -> Match:
    """Whose chat it is. `with_open_deal` says how many open deals a client id has, where that was asked."""
    best = contenders(points, hits, external_id)
    if not best:
        reason = words(language, "none")
        if hits:
            reason += " " + words(language, "unchecked", n=len(hits))
        return Match(verdict=Verdict.NEW, reason=reason)
    said = []
    both = [one for one in best if {PointKind.PHONE, PointKind.EMAIL} <= one.kinds]
    by_phone = [one for one in best if PointKind.PHONE in one.kinds]
    by_email = [one for one in best if PointKind.EMAIL in one.kinds]
    if not best[0].external:
        if both:
            best = both
        elif by_phone and by_email:
            if conflict == "hold":
                return _ambiguous(best, words(language, "conflict_hold"))
            best = by_email if conflict == "email" else by_phone
            decider = words(language, "email" if conflict == "email" else "phone")
            said.append(words(language, "conflict", by=decider, policy=conflict))
    if len(best) > 1:
        if ambiguous == "hold":
            return _ambiguous(best, words(language, "several_hold", n=len(best)))
        best, by = _choose(best, ambiguous, with_open_deal or {})
        said.append(words(language, "several", n=len(best), by=words(language, by)))
    else:
        said.insert(0, words(language, "found", by=_by(best[0], language)))
    chosen = best[0].client
    # everybody who was hit is named in the note, also those whom the conflict rule passed over
    others = [one.client for one in contenders(points, hits, external_id) if one.client is not chosen]
    return Match(verdict=Verdict.FOUND, client=chosen, reason=" ".join(said), others=tuple(others))


def _by(one: Agreement, language: Language) -> str:
    if one.external:
        return words(language, "external")
    return ", ".join(words(language, kind.value) for kind in (PointKind.PHONE, PointKind.EMAIL) if kind in one.kinds)


def _ambiguous(best: Sequence[Agreement], reason: str) -> Match:
    return Match(verdict=Verdict.AMBIGUOUS, reason=reason, others=tuple(one.client for one in best))


def _choose(best: list[Agreement], policy: str, with_open_deal: Mapping[str, int]) -> tuple[list[Agreement], str]:
    """The contenders, the chosen one first, and the word for why."""

    def age(one: Agreement) -> tuple[int, str]:
        # ids grow with time in every CRM that numbers them; else the id decides, so that the choice is always the same
        return (int(one.client.id), "") if one.client.id.isdigit() else (0, one.client.id)

    if policy == "active":
        busy = [one for one in best if with_open_deal.get(one.client.id)]
        ranked = sorted(busy or best, key=lambda one: (one.client.changed_at or "", age(one)), reverse=True)
        rest = [one for one in best if one not in ranked]
        return ranked + rest, "open_deal" if busy else "last_changed"
    return sorted(best, key=age, reverse=policy == "newest"), policy


def lock_keys(points: Sequence[ContactPoint], *, source: str, visitor_id: str | None, external_id: str | None) -> list[str]:
    """What is locked while a person is looked for and made, sorted so that nobody waits in a ring. A phone counts by its last
    nine digits, so that two regions' readings of one number meet.
    """
    keys = set()
    for point in points:
        if point.kind is PointKind.PHONE:
            keys.add("phone:" + point.value[-9:])
        elif point.kind is PointKind.EMAIL:
            keys.add("email:" + point.value.casefold())
    if visitor_id:
        keys.add(f"visitor:{source}:{visitor_id}")
    if external_id:
        keys.add(f"external:{external_id}")
    return sorted(keys)


def identity_points(
    points: Sequence[ContactPoint], *, source: str, visitor_id: str | None, external_id: str | None
) -> list[tuple[str, str]]:
    """The same, as the identity map keeps it: (kind, value)."""
    pairs = [
        (point.kind.value, point.value.casefold() if point.kind is PointKind.EMAIL else point.value)
        for point in points
        if point.kind is not PointKind.HANDLE and point.claim is not Claim.OTHER
    ]
    if external_id:
        pairs.append(("external", external_id))
    if visitor_id:
        pairs.append(("visitor", f"{source}:{visitor_id}"))
    return list(dict.fromkeys(pairs))
