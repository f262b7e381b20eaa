from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bridge.cli import COMMANDS, cli, main

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def section(name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/cli.md has no section {name}"
    return found[1]


@pytest.mark.parametrize("arguments", [["--help"], ["version"]])
def test_help_and_version_load_neither_the_web_server_nor_the_phone_tables(arguments: list[str]) -> None:
    code = (
        "import sys, contextlib\nfrom bridge.cli import main\n"
        f"with contextlib.suppress(SystemExit):\n    main({arguments!r})\n"
        "heavy = {'aiohttp', 'phonenumbers', 'pydantic', 'rich'} & set(sys.modules)\nsys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "loaded" not in done.stderr, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(name: str) -> None:
    found = command(name)
    assert found.name == name
    assert len(found.help or "") > 10
    done = CliRunner().invoke(cli, [name, "--help"])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in {"serve", "version", "prune", "store"}])
def test_every_command_teaches_with_an_example(name: str) -> None:
    assert f"chat2crm {name}" in (command(name).epilog or "")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_names_every_command_with_an_example_and_all_of_its_options(name: str) -> None:
    text = section(name)
    assert f"    chat2crm {name}" in text or f"| chat2crm {name}" in text, "an example"
    found = command(name)
    options = {option for parameter in found.params if isinstance(parameter, click.Option)
               for option in parameter.opts if option not in {"-h", "--help"}}  # fmt: skip
    assert {option for option in options if option not in text} == set()
    inner = set(found.commands) if isinstance(found, click.Group) else set()
    assert {one for one in inner if f"chat2crm {name} {one}" not in text} == set()


def parts(name: str) -> list[click.Command]:
    """The commands that one is made of (`store copy`), if it is."""
    whole = command(name)
    return [*whole.commands.values()] if isinstance(whole, click.Group) else []


def test_the_page_names_no_command_or_option_that_is_not_there() -> None:
    assert set(re.findall(r"^## (\S+)$", PAGE, re.MULTILINE)) == set(COMMANDS)
    for name in COMMANDS:
        known = {option for one in (command(name), *parts(name)) for parameter in one.params for option in parameter.opts}
        strays = set(re.findall(r"^\| `(--[a-z-]+)", section(name), re.MULTILINE)) - known
        assert strays == set(), name


def test_a_mistyped_command_is_told_which_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["chek"])
    assert stop.value.code == 2
    assert "did you mean check?" in capsys.readouterr().err


def test_a_missing_configuration_is_a_configuration_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["-c", str(tmp_path / "none.yaml"), "jobs"])
    assert stop.value.code == 2
    assert "chat2crm init" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full is here")
@pytest.mark.parametrize("arguments", [["version"], ["--help"], ["check", "jivo"]])
def test_a_disk_without_room_for_the_output_is_told_without_a_trace(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-m", "bridge", *arguments], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False, cwd=ROOT)  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "There is no room left on the disk; make some, and run this again.\n")
