"""docs/add-a-crm.md, done as it says."""

import re
from pathlib import Path

import pytest

from bridge.config import load
from bridge.connections.targets import mappings_of
from bridge.crm.exchanges import run_exchange
from bridge.mapping.load import load_crm
from bridge.mapping.samples import read_exchanges

PAGE = (Path(__file__).parents[1] / "docs" / "add-a-crm.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "mappings" / "crms"


async def test_what_the_page_builds_can_be_used_and_its_stories_go_as_told(folder: Path) -> None:
    mapping = load_crm(str(folder / "mycrm.yaml"))
    stories = read_exchanges(folder / "mycrm")

    assert [story.name for story in stories] == ["create_answer_lost", "known_by_phone"]
    for story in stories:
        assert list((await run_exchange(story, mapping)).problems) == []


def test_a_crm_with_a_plain_interface_takes_no_more_than_80_lines() -> None:
    assert len(FILES["mappings/crms/mycrm.yaml"].splitlines()) <= 80


def test_the_target_that_it_shows_finds_the_mapping_by_its_name(folder: Path) -> None:
    [target] = re.findall(r"```yaml\n(targets:\n.*?)```", PAGE, re.DOTALL)
    config = folder.parents[1] / "config.yaml"
    config.write_text("key: ${KEY}\n" + target, encoding="utf-8")

    settings = load(config, {"KEY": "k" * 40, "MYCRM_TOKEN": "t"})

    assert mappings_of(settings)["sales"].title == "My CRM"


def test_the_stories_that_it_calls_for_are_those_that_the_tests_want() -> None:
    from crm.test_stories import table

    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert [name for name, story in table()["stories"].items() if not named & set(story["shown_by"])] == []


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\(\.\./(mappings/crms/\w+\.yaml)\)", PAGE))))
def test_the_relatives_that_it_names_are_there(name: str) -> None:
    assert (Path(__file__).parents[1] / name).is_file()
