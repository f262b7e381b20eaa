from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import MappingError
from bridge.write.markup import HTML, MARKUPS, PLAIN, Line, Markup, Style, line
from bridge.write.note import MEASURES
from bridge.write.split import Block, Frame, Part, split

TAIL: tuple[Line, ...] = ((), line("END"))


def frame(limit: int, *, markup: Markup = PLAIN, measure: Callable[[str], int] = len) -> Frame:
    return Frame(markup, limit, measure, lambda number, of: line(f"{number}/{of}"), TAIL)


def shown(parts: list[Part]) -> list[list[str]]:
    return [[PLAIN.render(line) for line in part.lines] for part in parts]


def message(text: str, key: str = "", day: Line | None = None) -> Block:
    return Block((line(text),), keys=(key,) if key else (), day=day, resume=lambda: line("who: "))


def test_what_fits_stays_whole_and_has_no_number() -> None:
    blocks = [message("one", "k1"), message("two", "k2")]
    exactly = len("one\ntwo\n\nEND")
    assert shown(split(blocks, frame(exactly))) == [["one", "two"]]
    assert split(blocks, frame(exactly))[0].keys == ["k1", "k2"]
    assert len(split([*blocks, message("-" * 30)], frame(exactly + 20))) > 1


@given(
    st.lists(st.tuples(st.text(alphabet="a\"'&<>[]*`\\😀é \t-1.", max_size=12), st.sampled_from(Style)), max_size=6),
    st.sampled_from(sorted(MARKUPS)), st.sampled_from(sorted(MEASURES)),
)  # fmt: skip
def test_one_part_is_exactly_what_fits_as_it_is_written(spans: list[tuple[str, Style]], markup: str, measure: str) -> None:
    lines = [line(f"http://{text}" if style is Style.LINK else text, style) for text, style in spans]
    blocks = [Block((each,)) for each in lines]
    needed = MEASURES[measure](MARKUPS[markup].join([*lines, *TAIL]))

    assert [part.lines for part in split(blocks, frame(needed, markup=MARKUPS[markup], measure=MEASURES[measure]))] == [lines]
    try:
        cut = split(blocks, frame(needed - 1, markup=MARKUPS[markup], measure=MEASURES[measure]))
    except MappingError:
        return  # no room for a number beside the text
    assert [part.lines for part in cut] != [lines]


def test_parts_end_between_messages() -> None:
    parts = split([message("a" * 20, "k1"), message("b" * 20, "k2"), message("c" * 20, "k3")], frame(56))
    assert shown(parts) == [["a" * 20, "1/2", "b" * 20], ["2/2", "c" * 20]]
    assert [part.keys for part in parts] == [["k1", "k2"], ["k3"]]


def test_a_message_longer_than_a_part_is_cut_at_a_word_and_says_whose_it_is() -> None:
    parts = split([message("one two three four five six seven eight", "k1")], frame(30))
    assert shown(parts) == [
        ["one two three four", "1/3"], ["2/3", "who: five six seven"], ["3/3", "who: eight"],
    ]  # fmt: skip
    assert [part.keys for part in parts] == [[], [], ["k1"]], "the part that ends the message carries it"


def test_the_day_is_said_again_where_a_part_begins() -> None:
    day = line("— Monday —")
    blocks = [Block((day, line("a" * 20)), day=day), message("b" * 20, day=day)]
    assert shown(split(blocks, frame(48))) == [["— Monday —", "1/2", "a" * 20], ["2/2", "— Monday —", "b" * 20]]


def test_from_ten_parts_on_numbers_are_longer_and_still_fit() -> None:
    limit = 24
    parts = split([message("x" * 10, f"k{number}") for number in range(40)], frame(limit))
    assert len(parts) >= 10
    assert [key for part in parts for key in part.keys] == [f"k{number}" for number in range(40)]
    assert all(len(PLAIN.join([*part.lines, *TAIL])) <= limit for part in parts)


def test_a_limit_without_room_for_text_says_what_to_change() -> None:
    with pytest.raises(MappingError, match=r"note\.max is 9, .* raise it"):
        split([message("hello there, this is long")], frame(9))


def test_a_limit_that_only_the_sign_of_a_further_line_fits_into_ends_all_the_same() -> None:
    with pytest.raises(MappingError, match=r"note\.max is 12"):
        split([Block((line("http://a b"),))], frame(12, measure=MEASURES["bytes"]))


def test_a_link_that_must_be_cut_is_a_link_no_more() -> None:
    address = "https://c.example/" + "a" * 60
    parts = split([Block((line(address, Style.LINK),))], frame(60, markup=HTML))
    assert "<a" not in "".join(HTML.join(part.lines) for part in parts)


TEXT = st.text(st.sampled_from('ab "<&*[é🙏🏽🇷🇺я\u0301') | st.characters(exclude_categories=("Cs", "Cc")), max_size=200)


@given(
    st.lists(TEXT, min_size=1, max_size=8), st.integers(150, 600), st.sampled_from(sorted(MARKUPS)),
    st.sampled_from(sorted(MEASURES)),
)  # fmt: skip
def test_no_part_is_over_any_limit_and_nothing_is_lost(texts: list[str], limit: int, markup: str, unit: str) -> None:
    made = MARKUPS[markup]
    blocks = [Block((line(text),), keys=(str(number),), resume=tuple) for number, text in enumerate(texts)]
    parts = split(blocks, frame(limit, markup=made, measure=MEASURES[unit]))
    for part in parts:
        assert MEASURES[unit](made.join([*part.lines, *TAIL])) <= limit
    assert [key for part in parts for key in part.keys] == [str(number) for number in range(len(texts))]
    numbers = {f"{number}/{len(parts)}" for number in range(1, len(parts) + 1)} if len(parts) > 1 else set()
    seen = "".join(text for part in shown(parts) for text in part if text not in numbers)
    assert "".join(seen.split()) == "".join("".join(texts).split()), "but for blanks at the cuts"
