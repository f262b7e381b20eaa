"""The arithmetic of limits that replicas share, whatever the order in which they ask and send."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.crm.limits.slots import HORIZON, OURS, URGENT_HORIZON, Book, Rate, Slot, Want

NOW = 1_795_000_000.0

RATES = st.lists(
    st.builds(Rate, st.integers(1, 60), st.sampled_from([0.2, 1.0, 2.0, 10.0, 60.0]),
              st.sampled_from([frozenset[str](), frozenset({"find"}), frozenset({"note"})])),
    min_size=1, max_size=3, unique_by=lambda rate: rate.key,
)  # fmt: skip
#: seconds since the last question; what it is asked for; how long each slot's holder takes to use it, as a part of what it may
ASKING = st.lists(
    st.tuples(
        st.floats(0.0, 0.5), st.lists(st.tuples(st.sampled_from(["find", "note"]), st.booleans(), st.booleans()), max_size=12),
        st.floats(0.0, 1.0), st.floats(0.0, 1.0),
    ),
    min_size=1, max_size=60,
)  # fmt: skip


def kinds(rates: list[Rate], operation: str) -> tuple[int, ...]:
    return tuple(number for number, rate in enumerate(rates) if rate.counts(operation))


def most_within(times: list[float], seconds: float) -> int:
    """How many lie within the fullest window that long."""
    times = sorted(times)
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@settings(max_examples=300, deadline=None)
@given(rates=RATES, asking=ASKING)
def test_no_window_sees_more_than_its_rate_whoever_asks_and_whenever_they_send(
    rates: list[Rate], asking: list[tuple[float, list[tuple[str, bool, bool]], float, float]]
) -> None:
    """Replicas share nothing but the text of the book: who asks does not matter, only when each slot's holder sends, and how long
    the way to the CRM is.
    """
    text, now = "", NOW
    went: dict[int, list[float]] = {number: [] for number in range(len(rates))}
    for passed, wanted, lateness, way in asking:
        now += passed
        book = Book.read(text)
        given_ = book.take([Want(kinds(rates, what), urgent, spare) for what, urgent, spare in wanted], rates, now)
        text = book.text(now)
        for slot in given_.slots:
            slack = min((rates[number].slack for number in slot.kinds), default=0.0)
            assert not slot.kinds or slot.until == pytest.approx(slot.at + OURS * slack)
            arrived = slot.at + lateness * (slot.until - slot.at) + way * (1 - OURS) * slack
            for number in slot.kinds:
                went[number].append(arrived)

    for number, rate in enumerate(rates):
        assert most_within(went[number], rate.seconds) <= rate.requests


@pytest.mark.parametrize("seconds", [1.0, 2.0, 10.0, 25.0, 60.0, 3600.0])
@pytest.mark.parametrize("requests", [1, 2, 4, 6, 7, 10, 19, 20, 39, 40, 50, 95, 100, 500, 10_000])
def test_whoever_always_wants_more_has_86_in_a_hundred_of_the_rate(requests: int, seconds: float) -> None:
    rate = Rate(requests, seconds)

    assert seconds / rate.spacing / requests > 0.8599


def test_what_the_rest_of_the_window_leaves_may_be_had_at_once() -> None:
    assert [Rate(*one).burst for one in ((1, 1.0), (7, 1.0), (50, 25.0), (95, 10.0), (1000, 60.0))] == [1, 1, 7, 10, 133]


def taken(book: Book, rates: list[Rate], now: float, count_: int, **more: bool) -> list[Slot]:
    return list(book.take([Want(tuple(range(len(rates))), **more)] * count_, rates, now).slots)


def test_a_slot_is_handed_out_shortly_before_its_time_and_the_rest_hear_when_to_ask_again() -> None:
    book, rates = Book(), [Rate(7, 1.0)]
    given_ = book.take([Want((0,))] * 10, rates, NOW)

    assert [round(slot.at - NOW, 3) for slot in given_.slots] == [0.0, 0.163]
    assert given_.slots[-1].at <= NOW + HORIZON
    assert given_.again == {(0,): pytest.approx(NOW + 2 * rates[0].spacing - HORIZON / 2)}


def test_who_is_in_a_hurry_is_not_told_to_come_again_unless_it_is_far_off() -> None:
    book, rates = Book(), [Rate(7, 1.0)]
    taken(book, rates, NOW, 10)

    urgent = taken(book, rates, NOW, 100, urgent=True)

    assert urgent[0].at == pytest.approx(NOW + 2 * rates[0].spacing)
    assert NOW + URGENT_HORIZON - rates[0].spacing < urgent[-1].at <= NOW + URGENT_HORIZON


def test_nothing_is_taken_ahead_of_need_that_another_would_have_to_wait_for() -> None:
    book, rates = Book(), [Rate(95, 10.0)]

    assert [round(slot.at - NOW, 3) for slot in taken(book, rates, NOW, 99, spare=True)] == [0.0] * rates[0].burst


def test_a_call_that_a_narrower_rate_holds_up_leaves_the_others_their_slots() -> None:
    rates = [Rate(95, 10.0), Rate(1, 10.0, frozenset({"find"}))]
    book = Book()
    assert len(book.take([Want((0, 1))], rates, NOW).slots) == 1

    given_ = book.take([Want((0, 1)), Want((0,)), Want((0,))], rates, NOW)

    assert [slot.kinds for slot in given_.slots] == [(0,), (0,)]
    assert list(given_.again) == [(0, 1)]


def test_in_a_pause_nobody_gets_anything_until_it_is_over() -> None:
    book, rates = Book(), [Rate(7, 1.0)]
    book.pause(NOW + 30)
    book.pause(NOW + 5)  # a shorter one does not end the longer

    assert book.take([Want((0,), urgent=True)], rates, NOW + 29).again == {(0,): NOW + 30}
    assert len(book.take([Want((0,))], rates, NOW + 30.1).slots) == 1


def test_at_most_so_many_are_under_way_until_they_are_given_back_or_lapse() -> None:
    book, names = Book(), map(str, count())

    def take(now: float) -> list[str]:
        return [slot.place for slot in book.take([Want(())] * 3, [], now, at_once=2, hold=30.0, names=names).slots]

    first = take(NOW)
    assert len(first) == 2
    assert take(NOW + 1) == []
    book.give_back([first[0], "of somebody else's"])
    assert len(take(NOW + 2)) == 1
    assert len(take(NOW + 30.5)) == 1, "whoever had it has died"
    assert len(take(NOW + 100)) == 2


def test_what_is_kept_says_the_same_when_it_is_read_and_forgets_what_nobody_counts_by() -> None:
    book, rates = Book(), [Rate(7, 1.0), Rate(100, 60.0)]
    book.take([Want((0, 1), urgent=True)] * 2, rates, NOW, at_once=9, hold=10.0, names=iter("ab"))
    book.pause(NOW + 3)

    again = Book.read(book.text(NOW))

    assert again.text(NOW) == book.text(NOW)
    assert (again.quiet, len(again.meters), len(again.places)) == (NOW + 3, 2, 2)
    assert Book.read(again.text(NOW + 2 * 86_400)).meters == {}


@pytest.mark.parametrize(
    "text", ["", "nonsense", "[]", "{}", '{"q": 1}', '{"q": "x", "m": {}, "p": {}}', '{"q":1,"m":{"a":[1]},"p":{}}']
)
def test_words_of_another_version_stop_nobody(text: str) -> None:
    assert Book.read(text) == Book()


def test_a_clock_of_the_database_that_was_set_back_holds_nobody_up() -> None:
    book, rates = Book(), [Rate(7, 1.0)]
    taken(book, rates, NOW, 5)

    assert taken(book, rates, NOW - 86_400, 1)[0].at == pytest.approx(NOW - 86_400 + rates[0].spacing)


def test_how_much_of_a_rate_is_used_shows_as_the_part_of_a_window() -> None:
    book, rates = Book(), [Rate(10, 10.0)]
    start = NOW - NOW % 10
    assert book.used(rates, start) == 0.0
    assert book.used([], start) is None
    for second in range(5):
        taken(book, rates, start + 1.2 * second, 1)

    assert book.used(rates, start + 5) == pytest.approx(0.5)
    assert book.used(rates, start + 15) == pytest.approx(0.25)
    assert book.used(rates, start + 40) == 0.0
