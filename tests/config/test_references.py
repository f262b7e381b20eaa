from __future__ import annotations

from pathlib import Path

import pytest

from bridge.config.references import References, hide_braces, read_dotenv, show_braces
from bridge.config.values import Revealed


def fill(folder: Path, text: str, **environ: str) -> str:
    return References(environ, folder).fill(hide_braces(text))


def test_a_variable_takes_the_place_of_its_name(tmp_path: Path) -> None:
    assert fill(tmp_path, "${A}", A="x") == "x"
    assert fill(tmp_path, "postgresql://me:${A}@${B}/db", A="pw", B="host") == "postgresql://me:pw@host/db"


def test_what_came_out_of_a_reference_is_known_as_such_and_other_text_is_not(tmp_path: Path) -> None:
    assert isinstance(fill(tmp_path, "a ${A}", A="x"), Revealed)
    assert not isinstance(fill(tmp_path, "a"), Revealed)


def test_a_value_is_never_read_as_a_reference_again(tmp_path: Path) -> None:
    assert fill(tmp_path, "${A}", A="${B}", B="no") == "${B}"


def test_a_doubled_dollar_is_text(tmp_path: Path) -> None:
    assert fill(tmp_path, "$${A} costs $5", A="x") == "${A} costs $5"


def test_a_file_takes_the_place_of_its_path_without_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc \n")
    references = References({}, tmp_path)
    assert references.fill(hide_braces("${file:token}")) == "abc "
    assert references.fill(hide_braces(f"${{file:{tmp_path}/token}}")) == "abc "
    assert references.files == [tmp_path / "token", tmp_path / "token"]


@pytest.mark.parametrize(("written", "remedy"), [
    ("${A}", "the environment variable A is not set; set it, or write A=… into"),
    ("${file:gone}", "cannot be read: No such file or directory; mount it, or correct the path"),
    ("${file:bytes}", "it is not text"),
    ("${A B}", "is no reference; write"),
    ("${}", "is no reference; write"),
])  # fmt: skip
def test_a_reference_that_leads_nowhere_says_what_to_do(tmp_path: Path, written: str, remedy: str) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=remedy):
        fill(tmp_path, written)


def test_hiding_keeps_every_place_in_the_file() -> None:
    text = "a: {b: ${C}, d: $${e}}\n"
    assert len(hide_braces(text)) == len(text)
    assert show_braces(hide_braces(text)) == text


def test_our_own_marks_in_the_file_are_refused() -> None:
    with pytest.raises(ValueError, match="private use area"):
        hide_braces("a: \ue000")


def test_a_dotenv_is_read_the_environment_before_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=from the file\nB=1\n")
    assert fill(tmp_path, "${A}", A="from outside") == "from outside"
    assert fill(tmp_path, "${B}") == "1"
    assert References({}, tmp_path).files == [tmp_path / ".env"]


def test_lines_of_a_dotenv_are_understood_as_shells_do(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# all\n\nA=1\nexport B = 'two words' # said\nC=\"a#b\"\nD=a#b # not this\nE=\nF='\nG=#x\nH=a='b'\n")
    assert read_dotenv(path) == {"A": "1", "B": "two words", "C": "a#b", "D": "a#b", "E": "", "F": "'", "G": "", "H": "a='b'"}


def test_a_line_of_a_dotenv_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\nB 2\n")
    with pytest.raises(ValueError, match=r"\.env:2: this is no line of the form NAME=value"):
        read_dotenv(path)
