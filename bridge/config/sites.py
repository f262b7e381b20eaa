"""One customer a file: what `include:` names, each read by itself, so that a mistake in one is that customer's alone.

A site's connections bear its name before their own (`bakery.shop`): sites cannot get in one another's way, and a dot, which no
name that somebody writes has in it, says whose a chat is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.config.references import References
from bridge.config.values import NAME
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from bridge.config.settings import Settings

#: between a site's name and that of its connection
DOT = "."
#: what a site's file may say; the rest is of the whole service
SITE_KEYS = ("timezone", "language", "own", "ops", "sources", "targets", "routes")
#: and of those below `ops`: who may look at this customer's chats, and at no other's
SITE_OPS_KEYS = ("password", "password_hash", "users", "tokens")


@dataclass(frozen=True, slots=True)
class Site:
    """A customer of an agency."""

    name: str
    path: Path
    #: their connections under their whole names; None: the file cannot be used, nor could it before
    part: Settings | None = None
    #: why the file, as it is now, cannot be used
    error: str = ""

    def broken(self, error: str, *, before: Site | None = None) -> Site:
        """The same with its last good version, if there was one."""
        return replace(self, part=before.part if before else None, error=error)


def site_of(name: str) -> str:
    """The site of a source or target; '' for those of config.yaml itself."""
    return name.partition(DOT)[0] if DOT in name else ""


def of_site(site: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if site_of(name) == site]


def find(patterns: Sequence[str], folder: Path) -> list[Path]:
    """The files that `include:` names, in the order of their names. Raises ValueError with the remedy."""
    found: dict[str, Path] = {}
    for pattern in patterns:
        if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
            raise ValueError(f"{pattern!r} leads out of the folder of this file; write a pattern below it, like sites/*.yaml")
        paths = sorted(folder.glob(pattern))
        if not paths and not any(sign in pattern for sign in "*?["):
            raise ValueError(f"there is no file {folder / pattern}; correct the name, or remove it here")
        for path in paths:
            if path.stem in found and found[path.stem] != path:
                raise ValueError(f"{path} and {found[path.stem]} would both be the site {path.stem!r}; rename one of the files")
            found[path.stem] = path
    return [found[name] for name in sorted(found)]


def read(
    path: Path, environ: Mapping[str, str], above: Settings, part_of: Callable[[str, Path, References, Settings], Settings]
) -> Site:
    """One customer's file. Raises nothing: what is wrong with it stands in the site.

    Variables come from NAME.env beside the file, and from nowhere else if there is one, so that a line that was forgotten never
    takes another customer's secret in its place; without such a file from the environment.
    """
    site = Site(path.stem, path)
    if not NAME.fullmatch(path.stem):
        return site.broken(f"{path}: {path.stem!r} cannot be a site's name; name the file with Latin letters, digits, - and _")
    beside = path.with_suffix(".env")
    try:
        text = path.read_text(encoding="utf-8")
        references = References({} if beside.is_file() else environ, path.absolute().parent, dotenv=beside)
        part = part_of(text, path, references, above)
    except ConfigError as error:
        return site.broken(error.message)
    except UnicodeDecodeError:
        return site.broken(f"{path}: it cannot be read: it is not UTF-8 text")
    except OSError as error:
        return site.broken(f"{path}: it cannot be read: {error.strerror}")
    except ValueError as error:  # of the .env beside it
        return site.broken(str(error))
    return replace(site, part=under_its_name(part, path.stem))


def under_its_name(part: Settings, site: str) -> Settings:
    """A site's settings with its name before all of its connections' names, and what is the whole site's own at each source."""

    def whole(name: str) -> str:
        return f"{site}{DOT}{name}"

    sources = {
        whole(name): one.model_copy(update={
            "name": whole(name), "target": whole(one.target) if one.target else None, "own": part.own_of(name),
        })
        for name, one in part.sources.items()
    }  # fmt: skip
    targets = {}
    for name, one in part.targets.items():
        oauth = one.oauth
        if oauth is not None and oauth.same_as is not None:
            oauth = oauth.model_copy(update={"same_as": whole(oauth.same_as)})
        targets[whole(name)] = one.model_copy(update={"name": whole(name), "oauth": oauth})
    routes = tuple(one.model_copy(update={"source": whole(one.source), "target": whole(one.target)}) for one in part.routes)
    return part.with_connections(sources, targets, routes, renamed=whole)
