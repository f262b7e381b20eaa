"""Every provider, every recorded delivery, the whole way: a signed request, the running service, the card in the CRM.

What must stand on the cards lies in notes/PROVIDER.STORY.txt, what became of the rest in notes/PROVIDER.outcomes.txt;
CHAT2CRM_ACCEPT=1 writes them, and whoever does that reads the difference as the sales person who will.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from provider_stories import FOLDER, Ended, Story, api, before_lists, recorded, stories, telling

from bridge.mapping.load import load_provider

NOTES = Path(__file__).parent / "notes"
ACCEPT = os.environ.get("CHAT2CRM_ACCEPT") == "1"
PROVIDERS = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.timeout(300)
async def test_what_a_provider_sends_stands_on_the_card_as_it_must(provider: str, tmp_path: Path) -> None:
    mapping = load_provider(provider)
    told = stories(provider, mapping)
    async with api(mapping) as its_api:
        its_api.steps = {
            story.source: [step for sample in story.all for step in recorded(provider, mapping, sample)] for story in told
        }
        its_api.before_lists = before_lists(provider, mapping)
        its_api.lists = {story.source: [json.loads(story.listed.body)] for story in told if story.listed}
        async with telling(tmp_path, provider, told, its_api) as teller:
            await teller.tell(told)
            ended = {story.name: teller.ended(story) for story in told}

    assert its_api.complaints == []
    assert [name for name, one in ended.items() if one.answers != one.played_back] == []
    assert [name for name, one in ended.items() if "TWICE" in " ".join(one.outcome)] == []
    assert [wrong for story in told for wrong in _answered_otherwise(story, ended[story.name])] == []
    assert _differences(provider, ended) == []


def _answered_otherwise(story: Story, ended: Ended) -> list[str]:
    """Where the provider was answered something else than the sample's file says."""
    found = []
    for sample, answer in zip(story.samples, ended.answers, strict=True):
        expected = sample.expected
        wanted = dict(expected.answer or {}) if expected else {}
        if expected is not None and expected.outcome == "refused":
            wanted = {"status": 404, "body": ""}
        # what the CRM says of the client may stand in it besides
        live = wanted.pop("live_within", None) is not None
        wanted.pop("headers", None)
        same = answer["status"] == wanted["status"] if live else answer == wanted
        if not same:
            found.append(f"{story.name}: {sample.name} was answered {answer}, not {wanted}")
    return found


def _differences(provider: str, ended: dict[str, Ended]) -> list[str]:
    outcomes = "".join(f"{name}: {'; '.join(one.outcome) or 'nothing is kept'}\n" for name, one in ended.items())
    wanted = {f"{provider}.{name}.txt": one.text for name, one in ended.items() if one.text}
    wanted[f"{provider}.outcomes.txt"] = outcomes
    there = {path.name for path in NOTES.glob(f"{provider}.*.txt")}
    if ACCEPT:
        NOTES.mkdir(exist_ok=True)
        for name in there - set(wanted):
            (NOTES / name).unlink()
        for name, text in wanted.items():
            (NOTES / name).write_text(text, "utf-8")
        return []
    wrong = [f"{name} is there, but no such note is written" for name in sorted(there - set(wanted))]
    for name, text in wanted.items():
        path = NOTES / name
        expected = path.read_text("utf-8") if path.exists() else "(nothing)"
        if text != expected:
            wrong.append(f"--- {name}: expected\n{expected}\n--- got\n{text}")
    return wrong
