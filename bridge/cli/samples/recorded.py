"""A request that was recorded: a sample of the provider's mapping by its name, a .http file, or any file as the body."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import click

from bridge.cli.samples.signing import Outgoing
from bridge.connections.sources import Source
from bridge.errors import MappingError
from bridge.mapping.samples import read_sample
from bridge.mapping.suggestions import nearest

#: headers that belong to the way a request went, not to what it says
_OF_THE_WAY = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding", "user-agent", "accept"})


def samples_of(source: Source) -> Path:
    """The folder of the samples beside the mapping of this source."""
    return Path(source.mapping.origin).with_suffix("")


def find_sample(source: Source, name: str) -> Path:
    """The file that a person means. Raises UsageError that lists what there is."""
    folder = samples_of(source)
    beside = folder / f"{name.removesuffix('.http')}.http"
    if beside.is_file():
        return beside
    if Path(name).is_file():
        return Path(name)
    known = sorted(path.name.removesuffix(".http") for path in folder.glob("*.http"))
    listed = f"there are: {', '.join(known)}" if known else f"there are none in {folder}"
    raise click.UsageError(f"{name!r} is neither a file nor a sample of {source.mapping.title}{nearest(name, known)}; {listed}.")


def read_request(path: Path) -> Outgoing:
    """The request of a .http file without the marks of its journey; of another file: a POST of its bytes.

    Raises UsageError.
    """
    if path.suffix != ".http":
        try:
            return Outgoing(headers={"content-type": "application/json"}, body=path.read_bytes())
        except OSError as error:
            raise click.UsageError(f"{path}: it cannot be read: {error.strerror}") from error
    try:
        sample = read_sample(path)
    except MappingError as error:
        raise click.UsageError(error.message) from error
    headers = {name: value for name, value in sample.headers.items() if name not in _OF_THE_WAY}
    return Outgoing(sample.method, headers, sample.body, urlsplit(sample.url).query)
