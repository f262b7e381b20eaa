from __future__ import annotations

import json
from pathlib import Path

from place import Place


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_in_is_a_line_out(place: Place) -> None:
    given = '{"id": 1, "text": "мой номер 8 916 123-45-67"}\n\n{"id": 2, "text": ["пишите", "a.b@mail.ru"]}\n'
    done = place.run("extract", "--region", "ru", input=given)
    assert done.exit_code == 0, done.output
    assert [(one["id"], one["phones"], one["emails"]) for one in lines(done.stdout)] == [
        (1, ["+79161234567"], []), (2, [], ["a.b@mail.ru"]),
    ]  # fmt: skip


def test_a_line_that_cannot_be_read_stops_no_other_and_fails_at_the_end(place: Place) -> None:
    done = place.run("extract", input='nope\n{"id": 2}\n[1]\n{"id": 3, "text": "x"}\n\xff\n'.encode("latin-1"))
    assert done.exit_code == 1
    assert [one["id"] for one in lines(done.stdout)] == [3]
    assert "line 1: this is no JSON" in done.stderr
    assert "line 2: The record has no text" in done.stderr
    assert "4 line(s) could not be read" in done.stderr


def test_explained_lines_say_what_was_decided(place: Place) -> None:
    [found] = lines(place.run("extract", "--explain", input='{"id": 1, "text": "заказ 12345678"}').stdout)
    assert "trace" in found


def test_a_file_is_read_as_well(place: Place, tmp_path: Path) -> None:
    (tmp_path / "chats.jsonl").write_text('{"id": "a", "region": "US", "text": "call 202-555-0143"}\n', encoding="utf-8")
    [found] = lines(place.run("extract", str(tmp_path / "chats.jsonl")).stdout)
    assert found["phones"] == ["+12025550143"]


def test_a_region_of_another_form_is_refused(place: Place) -> None:
    done = place.run("extract", "--region", "Russia", input="")
    assert done.exit_code == 2
    assert "two letters" in done.stderr
