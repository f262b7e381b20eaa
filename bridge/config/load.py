"""Read config.yaml: every mistake in it at once, each with its place and what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bridge.config import sites
from bridge.config.connections import TargetSettings
from bridge.config.document import Draft, Loc, Missing, read
from bridge.config.references import References
from bridge.config.routes import OPTION_KEYS, RouteOptions
from bridge.config.settings import TARGET_KEYS, Settings
from bridge.config.sites import SITE_KEYS, SITE_OPS_KEYS
from bridge.config.values import Revealed
from bridge.errors import ConfigError
from bridge.mapping.explain import NO_VALUE, in_words
from bridge.mapping.suggestions import nearest

#: keys that hold what the loader puts there, not what somebody writes
_NOT_WRITTEN = {"options", "extra", "name"}
#: sources or targets, its name, a key of its own
_INHERITABLE = 3
#: keys whose inside is a mapping's business
_FREE = frozenset({"fields", "limits"})


def load(path: Path | str, environ: Mapping[str, str], *, example: bool = False) -> Settings:
    """The settings of a file, with its references filled from `environ`, from `.env` beside it, and from files.

    `example`: placeholders (example.com) are let through, for the example that is shipped. Raises ConfigError, whose
    message has one line a mistake: file:line:column, key, what is wrong, what to do. Nothing is changed or remembered.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: there is no such file; `chat2crm init` writes one, -c or CHAT2CRM_CONFIG names another"
                          ) from error  # fmt: skip
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path}: it cannot be read: {reason}") from error
    try:
        references = References(environ, path.absolute().parent)
    except (OSError, ValueError) as error:
        raise ConfigError(str(error)) from error
    draft = _draft(text, str(path), references, example=example)
    settings = _settings(draft)
    draft.raise_if_wrong()
    assert settings is not None  # noqa: S101 - whatever keeps it from being made has been reported
    for loc, message in _unresolved(settings):
        draft.report(loc, message)
    if settings.ops.users and settings.ops.user_header is None:
        draft.report(("ops", "users"), _NAMED_BY_NOBODY.format("`user_header`"))
    found: list[Path] = []
    try:
        found = sites.find(settings.include, path.absolute().parent)
    except ValueError as error:
        draft.report(("include",), str(error))
    draft.raise_if_wrong()
    finished = _finished(settings, path, draft, references)
    if not settings.include:
        return finished
    return finished.with_sites({site.name: site for site in (sites.read(one, environ, finished, _part) for one in found)})


def _part(text: str, path: Path, references: References, above: Settings) -> Settings:
    """A customer's file as settings of their own, with what stands above it where it says nothing. Raises ConfigError."""
    draft = _draft(text, str(path), references, example=False)
    for key in draft.value:
        if key not in SITE_KEYS:
            draft.report((key,), f"does not belong into a customer's file; known here: {', '.join(SITE_KEYS)}")
    access = draft.value.get("ops")
    for key in access if isinstance(access, Mapping) else ():
        if key not in SITE_OPS_KEYS:
            draft.report(("ops", key), f"does not belong into a customer's file; known here: {', '.join(SITE_OPS_KEYS)}")
    if access and not above.ops.guarded:
        draft.report(("ops",), f"nobody is asked who they are, so all see everything; give `ops:` of {above.origin} a password")
    elif isinstance(access, Mapping) and access.get("users") and above.ops.user_header is None:
        draft.report(("ops", "users"), _NAMED_BY_NOBODY.format(f"`ops.user_header` in {above.origin}"))
    draft.raise_if_wrong()
    inherited = {"key": Revealed(above.key.get_secret_value()), "timezone": above.timezone, "language": above.language}
    draft.value = {**inherited, **draft.value}
    settings = _settings(draft)
    draft.raise_if_wrong()
    assert settings is not None  # noqa: S101 - as above
    for loc, message in _unresolved(settings):
        draft.report(loc, message)
    draft.raise_if_wrong()
    return _finished(settings, above.origin, draft, references)


def _draft(text: str, origin: str, references: References, *, example: bool) -> Draft:
    """The file, read; below keys that only a CRM's mapping knows, numbers stay numbers, since templates send them on."""
    draft = read(text, origin, references, resolve_below=_FREE, example=example)
    if not isinstance(draft.value, Mapping):
        raise ConfigError(f"{origin}:1:1: there is nothing in it that can be used; `chat2crm init` writes a beginning")
    targets = draft.value.get("targets")
    targets = targets.values() if isinstance(targets, Mapping) else ()
    unknown = {key for target in targets if isinstance(target, Mapping) for key in target} - TARGET_KEYS
    return read(text, origin, references, resolve_below=_FREE | unknown, example=example) if unknown else draft


def _settings(draft: Draft) -> Settings | None:
    try:
        return Settings.model_validate(draft.value)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            loc = _written(problem["loc"], draft, absent=problem["type"] == "missing")
            if not isinstance(problem["input"], Missing) and loc is not None:
                draft.report(loc, _in_words(problem, loc))
        return None


def _written(loc: Loc, draft: Draft, *, absent: bool) -> Loc | None:
    """The place in the file that a place in the model stands for: without what only the model has (`options`, the
    alternative of a union). `absent`: it is the lack of it that is wrong. None: inherited, and reported where it stands.
    """
    within = tuple(part for number, part in enumerate(loc) if number == 0 or part not in _NOT_WRITTEN)
    if absent:  # of a list of one, which is written without the list, no number is told
        return tuple(part for number, part in enumerate(within) if isinstance(part, str) or draft.has(within[: number + 1]))
    if len(within) == _INHERITABLE and within[0] in ("sources", "targets") and not draft.has(within):
        return None
    while within and not draft.has(within):
        within = within[:-1]
    return within


def _in_words(problem: ErrorDetails, loc: Loc) -> str:
    context = problem.get("ctx", {})
    if problem["type"] == "extra_forbidden":
        known = sorted(known_keys(Settings, loc))
        return f"unknown key{nearest(str(loc[-1]), known)}; known here: {', '.join(known)}"
    if problem["type"] == "missing":
        return "is missing; " + _REMEDIES.get(str(loc[-1]), "add it")
    if problem["type"] in ("model_type", "dict_type", "mapping_type"):
        return "has keys of its own; write them below it, indented, or as {key: value}"
    if problem["input"] is None:
        return NO_VALUE
    if problem["type"] == "literal_error":
        given = str(problem["input"])
        return f"{given!r} is not known here{nearest(given, _choices(context))}; write {context['expected']}"
    return str(context["error"]) if problem["type"] == "value_error" else in_words(problem)


_NAMED_BY_NOBODY = "users are those whom a proxy names; set {}, or remove `users`"

#: hosts that stand for all addresses of this machine
_EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - told apart, not listened on

_REMEDIES = {
    "key": "`chat2crm init` makes one; keep it with the backups",
    "provider": "name the mapping of the chat service, one of those in mappings/providers",
    "crm": "name the mapping of the CRM, one of those in mappings/crms",
    "target": "name one of `targets:`",
    "source": "name one of `sources:`",
}


def _choices(context: Mapping[str, Any]) -> list[str]:
    return [word.strip("' ") for word in str(context.get("expected", "")).replace(" or ", ",").split(",")]


def known_keys(model: type[BaseModel], loc: Loc) -> Collection[str]:
    """What may be written where the last part of `loc` stands."""
    for part in loc[:-1]:
        fields = {**model.model_fields, **(RouteOptions.model_fields if "options" in model.model_fields else {})}
        if part in fields:
            model = _model_in(fields[str(part)].annotation) or model
    keys = set(model.model_fields)
    return (keys | OPTION_KEYS if "options" in keys else keys) - _NOT_WRITTEN


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field holds: itself, or as values of a mapping or elements of a tuple."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)


def _unresolved(settings: Settings) -> Iterator[tuple[Loc, str]]:
    """Names that lead nowhere, and sources whose chats would go nowhere; two listeners on one port."""
    receive, ops = settings.receive, settings.ops
    if receive.port == ops.port != 0 and (receive.host == ops.host or _EVERYWHERE & {receive.host, ops.host}):
        yield ("ops", "port"), f"is that of `receive` as well ({ops.port}); give each listener a port of its own"
    yield from _without_account(settings)
    for name, source in settings.sources.items():
        if source.target is not None and source.target not in settings.targets:
            yield ("sources", name, "target"), _unknown("target", source.target, settings.targets)
        if source.target is None and not any(route.source == name for route in settings.routes):
            yield ("sources", name), "its chats go nowhere; give it a `target`, or name it as `source` in `routes:`"
    for number, route in enumerate(settings.routes):
        if route.source not in settings.sources:
            yield ("routes", number, "source"), _unknown("source", route.source, settings.sources)
        if route.target not in settings.targets:
            yield ("routes", number, "target"), _unknown("target", route.target, settings.targets)


def _unknown(kind: str, name: str, known: Mapping[str, Any]) -> str:
    there = f"there are: {', '.join(sorted(known))}" if known else f"there is none yet; add it under `{kind}s:`"
    return f"there is no {kind} {name!r}{nearest(name, known)}; {there}"


def _without_account(settings: Settings) -> Iterator[tuple[Loc, str]]:
    for name, target in settings.targets.items():
        other = target.oauth.same_as if target.oauth else None
        if other is not None and other not in settings.targets:
            yield ("targets", name, "oauth", "same_as"), _unknown("target", other, settings.targets)
        elif other is not None:
            wrong = _cannot_share(target, settings.targets[other])
            if wrong:
                yield ("targets", name, "oauth", "same_as"), wrong


def _cannot_share(target: TargetSettings, other: TargetSettings) -> str | None:
    """Why one target cannot use another's tokens, with the remedy."""
    if other.crm != target.crm:
        return f"{other.name} is another CRM ({other.crm}); tokens are shared within one account of one CRM only"
    if other.oauth is None or other.oauth.same_as is not None:
        return f"{other.name} has no tokens of its own; name the target whose `oauth:` has the client_id"
    return None


def _finished(settings: Settings, path: Path, draft: Draft, references: References) -> Settings:
    routes = tuple(
        route.model_copy(update={"options": settings.targets[route.target].options.overlaid(route.options)})
        for route in settings.routes
    )
    written = draft.value.get("targets") or {}
    places = {(name, key): draft.place(("targets", name, key) if key else ("targets", name))
              for name in settings.targets for key in ("", *written[name])}  # fmt: skip
    return settings.model_copy(update={"routes": routes}).found_at(path, tuple(dict.fromkeys(references.files)), places)
