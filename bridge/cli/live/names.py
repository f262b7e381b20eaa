"""Does the CRM know the pipelines, stages, sources and users that the routes to a target name? Looked up as a job would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bridge.cli.live.screen import Screen, in_words, tried
from bridge.cli.printing import BAD, DOUBTFUL, GOOD
from bridge.cli.samples.fictitious import emails
from bridge.config import RouteOptions, Settings
from bridge.crm.checked import CheckedCrm
from bridge.crm.names import Sighting, shown
from bridge.mapping.schema.known import NAMED, Named
from bridge.mapping.suggestions import nearest

#: as a route writes them down
_OPTIONS: Mapping[Named, str] = {"pipeline": "pipeline", "stage": "stage", "source": "deal_source"}


@dataclass(frozen=True, slots=True)
class Place:
    """Options as they stand somewhere in the configuration."""

    where: str
    options: RouteOptions


def places(settings: Settings, target: str) -> Iterator[Place]:
    """The target's own options, then those of every route that leads to it."""
    yield Place(f"targets.{target}", settings.targets[target].options)
    for number, route in enumerate(settings.routes, 1):
        if route.target == target:
            yield Place(f"route {number} (source {route.source})", route.options)


async def check_names(crm: CheckedCrm, settings: Settings, screen: Screen) -> None:
    """A line for the names that the CRM knows, and one for each that it does not."""
    found = list(places(settings, crm.target))
    await _deals(crm, found, screen)
    await _owners(crm, found, screen)
    for duty, where in _distinct(found, lambda options: options.duty).items():
        if "@" in duty:
            screen.say(BAD, "duty", f"«{duty}» ({where}): tasks are given to this user as it stands; write the user's id")
        else:
            screen.say(DOUBTFUL, "duty", f"«{duty}» ({where}): an id; users are looked up by e-mail only, so not checked")


# -- pipelines, stages, sources ----------------------------------------------------------------------------------------


async def _deals(crm: CheckedCrm, found: list[Place], screen: Screen) -> None:
    known: dict[tuple[Named, str], str] = {}
    asked: dict[tuple[str | None, ...], str] = {}
    for place in found:
        names = tuple(getattr(place.options, _OPTIONS[key]) for key in NAMED)
        if any(names):
            asked[names] = f"{asked[names]}, {place.where}" if names in asked else place.where
    told: set[str] = set()
    for names, where in asked.items():
        wanted: dict[Named, str | None] = dict(zip(NAMED, names, strict=True))
        seen, error = await tried(crm.see_names(wanted, []))
        if error is not None or seen is None:
            screen.say(BAD, "names", f"of {where} cannot be looked up: {in_words(error) if error else ''}")
            continue
        for sign, what, text in _lines(crm, wanted, seen, where):
            if text not in told:
                told.add(text)
                screen.say(sign, what, text)
        known |= {(one.key, one.wanted): one.id for one in seen if one.id is not None}
    if known:
        screen.say(GOOD, "names", ", ".join(
            f"{key} «{name}»" + (f" = {found_id}" if found_id != name else "") for (key, name), found_id in known.items()
        ))  # fmt: skip


def _lines(
    crm: CheckedCrm, wanted: Mapping[Named, str | None], seen: list[Sighting], where: str
) -> Iterator[tuple[str, str, str]]:
    looked = {one.key: one for one in seen}
    for key, name in wanted.items():
        if not name:
            continue
        sighting = looked.get(key)
        if key not in crm.mapping.names:
            yield DOUBTFUL, key, f"«{name}» ({where}) goes out as it stands: this interface has no list of them to check it by"
        elif sighting is None:
            yield DOUBTFUL, key, f"«{name}» ({where}) can be looked up once the pipeline is right"
        elif sighting.id is None:
            yield BAD, key, f"the CRM has no {key} {_missed(name, sighting.there)} ({where})"


def _missed(name: str, there: Mapping[str, str]) -> str:
    """What is not there, and what is: with ids for whoever wrote one."""
    if name.isdecimal():
        return f"with the id {name}; there are: {shown({one: f'{called}» = «{one}' for one, called in there.items()})}"
    return f"«{name}»{nearest(name, there.values())}; there are: {shown(there)}"


# -- users -------------------------------------------------------------------------------------------------------------


async def _owners(crm: CheckedCrm, found: list[Place], screen: Screen) -> None:
    for owner, where in _distinct(found, lambda options: options.owner.new).items():
        if owner == "crm":
            continue
        if owner == "operator":
            await _operators(crm, screen)
        elif "@" not in owner:
            screen.say(DOUBTFUL, "owner", f"«{owner}» ({where}): an id; users are looked up by e-mail only, so not checked")
        elif crm.mapping.owner is None:
            screen.say(BAD, "owner", f"«{owner}» ({where}): users cannot be looked up by this interface; give the user's id")
        else:
            user, error = await tried(crm.see_owner(owner, []))
            if error is not None:
                screen.say(BAD, "owner", f"«{owner}» ({where}) cannot be looked up: {in_words(error)}")
            elif user is None:
                screen.say(BAD, "owner", f"the CRM has no active user with the e-mail «{owner}» ({where})")
            else:
                screen.say(GOOD, "owner", f"«{owner}» is the user {user}")


async def _operators(crm: CheckedCrm, screen: Screen) -> None:
    """Who owns a client is known with each chat only; but whether users can be looked up at all is known now."""
    if crm.mapping.owner is None:
        return
    _, error = await tried(crm.see_owner(next(emails()), []))
    if error is not None:
        screen.say(DOUBTFUL, "owner", f"operators are not found as users, so new clients get none: {in_words(error)}")
    else:
        screen.say(GOOD, "owner", "users can be looked up; which of them is an operator, each chat tells: not checkable here")


def _distinct(found: list[Place], option: Callable[[RouteOptions], str | None]) -> dict[str, str]:
    """Value → where it stands."""
    told: dict[str, str] = {}
    for place in found:
        value = option(place.options)
        if value:
            told[value] = f"{told[value]}, {place.where}" if value in told else place.where
    return told
