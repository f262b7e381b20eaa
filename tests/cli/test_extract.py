from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
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


def test_a_text_is_told_to_whoever_looks(place: Place) -> None:
    done = place.run("extract", "--region", "ru", "--text", "мой номер 8 916 123-45-67, заказ 9161234560",
                     "--text", "не звоните мне")  # fmt: skip
    assert done.exit_code == 0, done.output
    heads, first, second, wish = done.stdout.splitlines()
    assert heads.split() == ["KIND", "WRITTEN", "GIVES", "WHOSE", "RULE"]
    assert re.split(r"  +", first) == ["phone", "8 916 123-45-67", "+79161234567", "the visitor's own", "my"]
    assert re.split(r"  +", second) == ["phone", "9161234560", "no contact", "order"]
    assert wish == "Wants no calls: не звоните мне"
    assert done.stderr == ""


def test_a_text_without_a_contact_says_so_and_of_numbers_without_a_region_why(place: Place) -> None:
    nothing = place.run("extract", "--region", "RU", "--text", "здравствуйте")
    assert nothing.stdout == "Nothing in it looks like a phone, an e-mail address or a messenger handle.\n"
    assert "--region says whose they are" in place.run("extract", "--text", "202 555 0143").stderr


def test_what_cannot_be_looked_at_names_the_other_way(place: Place) -> None:
    assert "chat2crm extract --text" in place.run("extract", "мой номер 8 916 123-45-67").stderr
    both = place.run("extract", "--text", "x", "-")
    assert both.exit_code == 2
    assert "not both" in both.stderr


@pytest.mark.parametrize("region", ["UK", "ZZ", "russia"])
def test_a_region_without_phones_is_refused_wherever_it_stands(place: Place, region: str) -> None:
    for given in (("extract", "--region", region), ("forget", "--phone", "123", "--region", region)):
        done = place.run(*given, input="")
        assert done.exit_code == 2, given
        assert f"Invalid value for '--region': '{region}' is no " in done.stderr
    told = place.run("extract", input=json.dumps({"id": 1, "text": "x", "region": region}))
    assert told.exit_code == 1
    assert f'line 1: "region" is {region!r}' in told.stderr
