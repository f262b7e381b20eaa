"""What each mapping asks of its provider, request by request as it goes out, and what becomes of recorded answers."""

from pathlib import Path
from typing import Any, cast

import pytest

from bridge.fetch.recorded import ENDING, LISTED, fetched, read_requests, records
from bridge.mapping.lint import Watch
from bridge.mapping.load import load, load_provider
from bridge.mapping.samples import Sample, read_samples
from bridge.mapping.schema import ProviderMapping

FOLDER = Path(__file__).parents[2] / "mappings" / "providers"
MAPPINGS = {path.stem: load_provider(path) for path in sorted(FOLDER.glob("*.yaml"))}
RECORDED = {name: sorted((FOLDER / name).glob(f"*{ENDING}")) for name in MAPPINGS}
STEPS = [(name, path) for name, paths in RECORDED.items() for path in paths if path.name != LISTED]
LISTS = [(name, path) for name, paths in RECORDED.items() for path in paths if path.name == LISTED]


def sample_of(name: str, path: Path) -> Sample:
    return next(one for one in read_samples(FOLDER / name) if one.name == path.name.removesuffix(ENDING))


def listed_sample(name: str) -> Sample:
    return next(one for one in read_samples(FOLDER / name) if one.method == "RECONCILE")


async def had(name: str, path: Path, mapping: ProviderMapping) -> tuple[Any, list[str]]:
    if path.name == LISTED:
        return await records(listed_sample(name), mapping, read_requests(path))
    return await fetched(sample_of(name, path), mapping, read_requests(path))


@pytest.mark.parametrize(("name", "path"), STEPS, ids=[f"{name}/{path.name}" for name, path in STEPS])
async def test_what_a_sample_needs_is_asked_for_as_recorded_and_becomes_what_the_sample_is_read_with(
    name: str, path: Path
) -> None:
    expected = sample_of(name, path).expected
    assert expected is not None
    values, faults = await had(name, path, MAPPINGS[name])
    assert faults == []
    assert values == expected.fetched


@pytest.mark.parametrize(("name", "path"), LISTS, ids=[name for name, _ in LISTS])
async def test_each_record_of_a_list_is_a_finished_chat_to_the_mapping(name: str, path: Path) -> None:
    found, faults = await had(name, path, MAPPINGS[name])
    assert faults == []
    assert found


@pytest.mark.parametrize("name", [name for name, mapping in MAPPINGS.items() if mapping.fetch or mapping.reconcile])
async def test_every_expression_by_which_a_provider_is_asked_is_at_work_in_some_recorded_request(name: str) -> None:
    loaded = load("provider", FOLDER / f"{name}.yaml")
    mapping = cast("ProviderMapping", loaded.mapping)
    with Watch(mapping) as watch:
        for path in RECORDED[name]:
            await had(name, path, mapping)
    asking = ("api.", "fetch.", "reconcile.")
    assert [str(remark) for remark in watch.remarks(loaded.document) if remark.name.startswith(asking)] == []
