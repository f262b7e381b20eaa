from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, get_args

import pytest
from place import Place
from pydantic import BaseModel

from bridge.mapping.load import load_crm, load_provider
from bridge.mapping.schema import KINDS, Kind
from bridge.mapping.schema.auth import Consent, Token, TokenEndpoint


@pytest.mark.parametrize("kind", ["provider", "crm"])
def test_what_is_begun_loads_and_passes_its_own_check(place: Place, kind: Kind) -> None:
    done = place.run("new", kind, "mine", "--title", "Mine: it's #1")
    assert done.exit_code == 0, done.output
    path = place.folder / "mappings" / f"{kind}s" / "mine.yaml"
    assert path.is_file()
    assert (load_provider if kind == "provider" else load_crm)(path).title == "Mine: it's #1"
    checked = place.run("check", str(path))
    assert checked.exit_code == 0, checked.output
    assert "(inferred)" in checked.stdout


def test_nothing_is_overwritten(place: Place) -> None:
    assert place.run("new", "crm", "mine").exit_code == 0
    done = place.run("new", "crm", "mine")
    assert done.exit_code == 2
    assert "not overwritten" in done.stderr


@pytest.mark.parametrize("name", ["../x", "My", "a b", ""])
def test_a_name_that_cannot_be_one_is_refused(place: Place, name: str) -> None:
    done = place.run("new", "provider", name)
    assert done.exit_code == 2
    assert list(place.folder.iterdir()) == [place.path]


def models(kind: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if kind in seen:
        return
    seen.add(kind)
    yield kind
    for field in kind.model_fields.values():
        for part in parts(field.annotation):
            yield from models(part, seen)


def parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from parts(inner)


@pytest.mark.parametrize("kind", ["provider", "crm"])
def test_every_key_of_the_language_is_explained_in_what_is_begun(kind: Kind) -> None:
    text = files("bridge.cli").joinpath("scaffolds", kind, "mapping.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|[\s{,#-])([a-z_0-9]+):(?=\s|$)", text, re.MULTILINE))
    keys = {
        field.alias or name for model in models(KINDS[kind], set()) for name, field in model.model_fields.items()
        if not field.exclude
    }  # fmt: skip
    # a grade is written in short; statements are a CRM's, and so are tokens that a person agrees to
    of_crms = {"statement"} | {name for part in (Consent, TokenEndpoint, Token) for name in part.model_fields}
    missing = keys - named - {"state", "why"} - (of_crms | {"grant", "consent", "endpoint", "carry", "token"}
                                                 if kind == "provider" else set())  # fmt: skip
    assert missing == set(), f"explain it in bridge/cli/scaffolds/{kind}/mapping.yaml"
