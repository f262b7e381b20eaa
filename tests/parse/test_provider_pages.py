"""What the providers' pages tell people to paste works as it stands."""

import json
import re
import shutil
import subprocess
import textwrap
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import pytest

from bridge.config import load as load_config
from bridge.connections.sources import load_sources
from bridge.mapping.load import load_provider
from bridge.mapping.samples import read_sample
from bridge.model import Delivery
from bridge.parse import SourceView, understand
from bridge.parse.trial import run_sample
from bridge.verify import Incoming, verify

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "providers"
SAMPLES = ROOT / "mappings" / "providers"
GENERIC = load_provider(SAMPLES / "generic.yaml")
SECRET = "whsec_Y2hhdDJjcm0gZXhhbXBsZSBzaWduaW5nIGtleQ=="


def block(page: str, mark: str) -> str:
    """The fenced block after a mark, without its indentation."""
    found = re.search(rf"^( *)<!-- {mark} -->\n *```\w*\n(.*?)^ *```", (PAGES / page).read_text("utf-8"),
                      re.DOTALL | re.MULTILINE)
    assert found is not None
    return re.sub(rf"^{found[1]}", "", found[2], flags=re.MULTILINE)


def is_authentic(headers: dict[str, str], body: bytes) -> bool:
    assert SECRET in (PAGES / "generic.md").read_text("utf-8")
    verdict = verify(GENERIC.verify, Incoming(headers, body), [SECRET], now=datetime.now(UTC) + timedelta(seconds=2))
    return verdict.scheme == "standard_webhooks" and not verdict.stale


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("openssl")), reason="the example is for bash with openssl")
def test_the_shell_example_signs_as_the_mapping_wants_it() -> None:
    stand_in = 'curl() { for argument in "$@"; do printf "%s\\0" "$argument"; done; }\n'
    done = subprocess.run(["bash", "-euc", stand_in + block("generic.md", "example: shell")], check=True, capture_output=True)
    arguments = done.stdout.decode().rstrip("\0").split("\0")
    headers = dict(arguments[index + 1].split(": ", 1) for index, word in enumerate(arguments) if word == "-H")
    body = arguments[arguments.index("--data-raw") + 1]
    assert json.loads(body)["type"] == "chat.finished"
    assert is_authentic(headers, body.encode())


def test_the_python_example_signs_as_the_mapping_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[urllib.request.Request] = []

    class Answer:
        status = 200

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

    def urlopen(request: urllib.request.Request, *, timeout: float) -> Answer:
        sent.append(request)
        return Answer()

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    exec(compile(block("generic.md", "example: python"), "generic.md", "exec"), {})
    (request,) = sent
    assert isinstance(request.data, bytes)
    assert is_authentic(dict(request.header_items()), request.data)


def members(schema: dict[str, Any], whole: dict[str, Any], path: str = "") -> Iterator[str]:
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    for name, member in schema.get("properties", {}).items():
        yield f"{path}{name}"
        yield from members(member, whole, f"{path}{name}.")
    if "items" in schema:
        yield from members(schema["items"], whole, path)


def paths(value: Any, path: str = "") -> Iterator[str]:
    for name, member in value.items() if isinstance(value, dict) else ():
        yield f"{path}{name}"
        if f"{path}{name}" not in ("data.custom", "data.visitor.fields"):
            for element in member if isinstance(member, list) else (member,):
                yield from paths(element, f"{path}{name}.")


def test_the_samples_show_every_member_of_the_schema_and_no_other() -> None:
    schema = json.loads((PAGES / "generic.schema.json").read_text("utf-8"))
    shown: set[str] = set()
    for sample in (SAMPLES / "generic").glob("*.http"):
        if sample.stem != "broken_body":
            shown |= set(paths(json.loads(read_sample(sample).body)))
    assert shown == set(members(schema, schema))


def test_every_member_of_the_schema_is_read_by_the_mapping() -> None:
    """Each member of the sample that has them all is changed, and the chat must change with it."""
    sample = read_sample(SAMPLES / "generic" / "chat_finished.http")
    before = _chat(json.loads(sample.body))
    unread = []
    for path in sorted(set(paths(json.loads(sample.body)["data"]))):
        changed = json.loads(sample.body)
        for place in _places(changed["data"], path.split(".")[:-1]):
            name = path.rpartition(".")[2]
            place[name] = _other(place.get(name))
        if _chat(changed) == before:
            unread.append(path)
    assert unread == []


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return f"q{value[::-1]}" if isinstance(value, str) else value + 1 if isinstance(value, int) else None


def _places(data: Any, steps: list[str]) -> list[dict[str, Any]]:
    found = [data]
    for step in steps:
        found = [element for place in found if step in place
                 for element in (place[step] if isinstance(place[step], list) else [place[step]])]
    return found


def _chat(payload: Any) -> Any:
    delivery = Delivery(source="own", dedupe_key="", received_at=datetime(2026, 3, 2, tzinfo=UTC))
    understood = understand(delivery, GENERIC, SourceView("own"), payload)
    return understood.events or understood.not_understood


@pytest.mark.parametrize("page", ["livehelperchat.md", "livehelperchat.ru.md"])
def test_the_template_for_pasting_has_the_members_that_were_recorded(page: str) -> None:
    template = block(page, "template")
    rendered = json.loads(re.sub(r"\{\{[\w.]+\}\}", "null", template))
    sample = read_sample(SAMPLES / "livehelperchat" / "chat_close.http")
    assert list(rendered) == list(json.loads(sample.body))
    assert "{{args.chat}}" not in template


def test_the_template_is_the_same_in_both_languages() -> None:
    assert block("livehelperchat.md", "template") == block("livehelperchat.ru.md", "template")


def test_the_recorded_chat_is_answered_with_an_empty_body() -> None:
    """What stands in the answer would be written into the chat, for the visitor to see."""
    mapping = load_provider(SAMPLES / "livehelperchat.yaml")
    for sample in (SAMPLES / "livehelperchat").glob("*.http"):
        if sample.stem != "bad_secret":
            assert run_sample(read_sample(sample), mapping)["answer"] == {"status": 200, "body": ""}


IN_BOTH = sorted(path.name.removesuffix(".ru.md") for path in PAGES.glob("*.ru.md"))


@pytest.mark.parametrize("name", IN_BOTH)
def test_both_languages_of_a_page_show_the_same_configuration(name: str) -> None:
    def blocks(page: str) -> list[str]:
        return re.findall(r"```yaml\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)

    assert blocks(f"{name}.md") == blocks(f"{name}.ru.md") != []


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.name)
def test_the_configuration_on_a_page_can_be_used_as_it_stands(page: Path, tmp_path: Path) -> None:
    (snippet,) = re.findall(r"^ *```yaml\n( *sources:.*?)^ *```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    names = set(re.findall(r"\$\{(\w+)\}", snippet))
    config = tmp_path / "config.yaml"
    config.write_text(
        f"store: sqlite:///{tmp_path}/x.db\nkey: ${{C2C_KEY}}\n{textwrap.dedent(snippet)}\n"
        f"targets:\n  sales: {{crm: sandbox, url: 'http://127.0.0.1:9', token: '${{C2C_TOKEN}}'}}\n", "utf-8",
    )  # fmt: skip
    environ = {name: f"https://portal.test/rest/1/{sha256(name.encode()).hexdigest()}" for name in names}
    environ |= {"C2C_KEY": "k" * 40, "C2C_TOKEN": "q7Rt2mZx9Lw4"}
    settings = load_config(config, environ)
    (source,) = settings.sources.values()
    assert source.provider == page.name.partition(".")[0]
    assert load_sources(settings)[source.name].keys
