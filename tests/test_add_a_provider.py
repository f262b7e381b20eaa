"""docs/add-a-provider.md, done as it says."""

import hashlib
import hmac
import json
import re
import shlex
from pathlib import Path

import pytest
from place import Place

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-a-provider.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```(?:yaml|http|json)\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
BLOCKS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines()]
CALLED_FOR = ("contacts in the text only", "contacts in fields", "nobody answered", "ended twice", "unknown event", "bad secret")
SECRET = "the-secret-of-the-sample"
MOST_LINES = 50


def run(place: Place, command: str) -> str:
    words = shlex.split(command)
    assert words[0] == "chat2crm"
    done = place.run(*(str(place.folder / word) if word.startswith("mappings/") else word for word in words[1:]))
    assert done.exit_code == 0, f"{command}: {done.output}"
    return done.output


def signed(text: str) -> str:
    """As the page says that it is done with openssl."""
    body = "".join(text.splitlines(keepends=True)[4:])
    return text.replace("SIGNATURE", hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_the_page_says_can_be_done_word_for_word(place: Place) -> None:
    begin, checks = COMMANDS[:2], COMMANDS[2:]
    for command in begin:
        run(place, command)
    for name, text in FILES.items():
        (place.folder / name).write_text(signed(text), encoding="utf-8")
    said = [run(place, command) for command in checks]

    assert "all of it can be used" in said[-2]
    told = json.loads((place.folder / "mappings/providers/mychat/chat_closed.expected.json").read_text("utf-8"))
    (event,) = told["events"]
    chat = event["chat"]
    assert (told["authentic"], told["dedupe_key"], event["kind"], chat["chat_id"]) == (True, "evt-81", "chat_finished", "4711")
    assert chat["visitor"] == {"id": "g-5", "emails": ["anna@example.org"]}
    assert [message["role"] for message in chat["messages"]] == ["bot", "visitor", "internal", "operator"]
    refused = json.loads((place.folder / "mappings/providers/mychat/bad_secret.expected.json").read_text("utf-8"))
    assert (refused["authentic"], refused["outcome"]) == (False, "refused")


def test_the_mapping_is_as_short_as_is_promised() -> None:
    assert len(FILES["mappings/providers/mychat.yaml"].splitlines()) <= MOST_LINES


def test_the_samples_that_it_calls_for_are_those_that_the_tests_want() -> None:
    assert [wanted for wanted in CALLED_FOR if wanted not in PAGE] == []


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\(\.\./(mappings/providers/\w+\.yaml)\)", PAGE))))
def test_the_relatives_that_it_names_are_there(name: str) -> None:
    assert (ROOT / name).is_file()
