from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bridge.cli.printing import confirmed, example, hidden, local_time, print_table, progress

ROOT = Path(__file__).resolve().parents[2]
SHOWS = """
from bridge.cli.printing import print_table, progress
print_table([{"a": "[red]x", "b": None}], {"a": "ONE", "b": "TWO"})
with progress("Doing", 3) as advance:
    for _ in range(3):
        advance(1)
"""


def on_a_terminal(code: str) -> str:
    """What a program prints that believes to be on a terminal."""
    ours, its = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", code], stdin=its, stdout=its, stderr=its, cwd=ROOT,
                          env={**os.environ, "TERM": "xterm", "COLUMNS": "80"}) as process:  # fmt: skip
        os.close(its)
        told = b""
        while True:
            try:
                some = os.read(ours, 65536)
            except OSError:  # its end was closed
                break
            if not some:
                break
            told += some
        process.wait(60)
    os.close(ours)
    return told.decode()


def test_a_table_for_scripts_is_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([{"a": 1, "b": "two\nlines"}, {"a": None}], {"a": "A", "b": "SECOND"})
    assert capsys.readouterr().out == "A  SECOND\n1  two lines\n\n"


def test_a_terminal_gets_a_table_and_a_bar_and_no_markup_out_of_data() -> None:
    told = on_a_terminal(SHOWS)
    assert "ONE" in told
    assert "[red]x" in told
    assert "Doing" in told
    assert "3/3" in told


def test_elsewhere_long_work_says_at_its_end_how_much_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Replayed", 5) as advance:
        advance(2)
        advance()
    assert capsys.readouterr().err == "Replayed: 3 of 5\n"


def test_where_nobody_can_be_asked_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    confirmed("Sure?", yes=True)
    with pytest.raises(click.UsageError, match="--yes"):
        confirmed("Sure?", yes=False)


def test_secrets_are_hidden_also_as_they_look_in_an_address() -> None:
    assert hidden("x a/b c a%2Fb y", ["a/b", ""]) == "x *** c *** y"
    assert hidden("abcdef abc", ["abc", "abcdef"]) == "*** ***"


def test_times_and_examples_read_well() -> None:
    assert local_time(0.0) == "1970-01-01 00:00:00"
    assert local_time(None) == ""
    assert example("one") == "\b\nExample:\n  one"
    assert example("one", "two") == "\b\nExamples:\n  one\n  two"
