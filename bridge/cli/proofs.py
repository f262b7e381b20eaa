"""What can be said of a mapping without anybody's CRM or chat service: its lint, and its own samples or exchanges."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bridge.crm.exchanges import run_exchange
from bridge.errors import MappingError
from bridge.fetch.recorded import ENDING, LISTED, fetched, read_requests, records
from bridge.mapping.lint import Remark, Watch, lint
from bridge.mapping.load import FOLDERS, Loaded, available, kind_of, load
from bridge.mapping.samples import read_exchanges, read_samples
from bridge.mapping.schema import CrmMapping, Kind, ProviderMapping
from bridge.mapping.suggestions import nearest
from bridge.parse.trial import accept, accept_fetched, differences, run_sample


@dataclass(frozen=True, slots=True)
class Proof:
    """One sample or exchange, and what of it is not as its file says."""

    name: str
    origin: str
    problems: tuple[str, ...] = ()
    #: its expected file was written anew, with these differences
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    kind: Kind
    name: str
    path: str
    #: why it cannot even be loaded, one line a mistake
    error: str | None = None
    remarks: tuple[Remark, ...] = ()
    proofs: tuple[Proof, ...] = ()
    #: what its samples do not show; warnings, since samples may be few
    unshown: tuple[Remark, ...] = ()
    #: files among them that are taken for neither: a slip in their names
    unread: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        wrong = any(remark.level == "error" for remark in self.remarks)
        return bool(self.error) or wrong or any(proof.problems and not proof.accepted for proof in self.proofs)

    def told(self) -> dict[str, Any]:
        """For --json."""
        return {
            "kind": self.kind, "name": self.name, "path": self.path, "error": self.error, "failed": self.failed,
            "remarks": [{"level": one.level, "key": one.name, "text": str(one)} for one in self.remarks],
            "samples": [{"name": one.name, "origin": one.origin, "problems": list(one.problems)} for one in self.proofs],
            "unshown": [str(one) for one in self.unshown],
            "unread": list(self.unread),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    kind: Kind
    #: name or path
    mapping: str | Path


def named(text: str, search: Sequence[Path]) -> Wanted:
    """What a person means by a name or a path. Raises MappingError."""
    if "/" in text or text.endswith((".yaml", ".yml")):
        path = Path(text)
        if not path.is_file():
            raise MappingError(f"{path}: there is no such file")
        return Wanted(kind_of(path), path)
    known: Mapping[Kind, Mapping[str, Path]] = {kind: available(kind, search=search) for kind in FOLDERS}
    for kind, mappings in known.items():
        if text in mappings:
            return Wanted(kind, text)
    names = [name for mappings in known.values() for name in mappings]
    raise MappingError(f"there is no mapping named {text!r}{nearest(text, names)}; there are: {', '.join(sorted(names))}. "
                       f"One of your own is given as a path, like ./mappings/providers/{text}.yaml")


def check(wanted: Wanted, search: Sequence[Path], *, accepting: bool = False) -> Checked:
    """Load it, look for traps in it, and run what lies beside it. Never raises for a fault of the mapping."""
    try:
        loaded = load(wanted.kind, wanted.mapping, search=search)
    except MappingError as error:
        return Checked(wanted.kind, Path(wanted.mapping).stem, str(wanted.mapping), error=error.message)
    about = Checked(wanted.kind, loaded.mapping.name, str(loaded.path), remarks=tuple(lint(loaded.mapping, loaded.document)))
    run = _Run()
    try:
        with Watch(loaded.mapping) as watch:
            _tell(loaded, run, accepting=accepting)
    except MappingError as error:
        return replace(about, error=error.message)
    unshown = tuple(watch.remarks(loaded.document)) if run.proofs else ()
    return replace(about, proofs=tuple(run.proofs), unshown=unshown, unread=tuple(_unread(loaded)))


#: how the names of what lies beside a mapping end
ENDINGS: Mapping[Kind, tuple[str, ...]] = {"provider": (".http", ".expected.json", ENDING), "crm": (".exchange.yaml",)}


def _unread(loaded: Loaded) -> Iterator[str]:
    for path in sorted(loaded.folder.iterdir()) if loaded.folder.is_dir() else ():
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(ENDINGS[loaded.kind]):
            yield path.name


@dataclass(slots=True)
class _Run:
    proofs: list[Proof] = field(default_factory=list)


def _tell(loaded: Loaded, run: _Run, *, accepting: bool) -> None:
    if isinstance(loaded.mapping, ProviderMapping):
        asyncio.run(_requests(loaded, loaded.mapping, run, accepting=accepting))
        _samples(loaded, loaded.mapping, run, accepting=accepting)
    else:
        asyncio.run(_exchanges(loaded, loaded.mapping, run))


async def _requests(loaded: Loaded, mapping: ProviderMapping, run: _Run, *, accepting: bool) -> None:
    """What rules fetch, and the list: asked for as recorded, and become what the samples are read with."""
    samples = {sample.name: sample for sample in read_samples(loaded.folder, mapping)}
    for path in sorted(loaded.folder.glob(f"*{ENDING}")):
        steps, name = read_requests(path), path.name.removesuffix(ENDING)
        if path.name == LISTED:
            one = next((sample for sample in samples.values() if sample.method == "RECONCILE"), None)
            _, problems = await records(one, mapping, steps)
        elif name not in samples:
            one, problems = None, [f"there is no sample {name}.http whose requests these could be"]
        else:
            one = samples[name]
            values, problems = await fetched(one, mapping, steps)
            if accepting and not problems:
                accept_fetched(one, values)
            elif not problems and values != (one.expected.fetched if one.expected else {}):
                problems = [f"what comes of them is not `fetched` of {one.expected_path.name}; look at it, then --accept it"]
        run.proofs.append(Proof(f"{name}, its requests", one.expected.origin if one and one.expected else "inferred",
                                tuple(problems)))  # fmt: skip


def _samples(loaded: Loaded, mapping: ProviderMapping, run: _Run, *, accepting: bool) -> None:
    for sample in read_samples(loaded.folder, mapping):
        origin = sample.expected.origin if sample.expected else "inferred"
        problems = tuple(str(difference) for difference in differences(sample, mapping))
        impossible = tuple(_impossible(sample.name, run_sample(sample, mapping)["outcome"]))
        if accepting and not impossible:
            run.proofs.append(Proof(sample.name, origin, problems, accepted=accept(sample, mapping)))
            continue
        if sample.expected is None:
            problems = (f"there is no {sample.expected_path.name} yet; look at what it becomes, then --accept it", *problems)
        run.proofs.append(Proof(sample.name, origin, (*impossible, *problems)))


#: sample → what it may become, whatever its file says
_OUTCOMES: Mapping[str, frozenset[str]] = {
    "bad_secret": frozenset({"refused"}), "unknown_event": frozenset({"not_understood", "skipped"}),
    "broken_body": frozenset({"not_understood", "refused"}),
}  # fmt: skip


def _impossible(name: str, outcome: str) -> Iterator[str]:
    """What nobody can want of such a sample, so that it cannot be accepted either."""
    allowed = _OUTCOMES.get(name.partition(".")[0])
    if allowed is not None and outcome not in allowed:
        yield f"it becomes {outcome}, and must be {' or '.join(sorted(allowed))}: correct the mapping"


async def _exchanges(loaded: Loaded, mapping: CrmMapping, run: _Run) -> None:
    for exchange in read_exchanges(loaded.folder):
        result = await run_exchange(exchange, mapping)
        run.proofs.append(Proof(exchange.name, exchange.origin, result.problems))
