from datetime import UTC, datetime

import pytest

from bridge.crm.look import Look, Seen, Watcher
from bridge.mapping.schema.writing import Marker

SENT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
OURS = "c2c-abcdefghijklmnop"
OTHER = "c2c-zzzzzzzzzzzzzzzz"


def rule(kind: str = "text", **more: object) -> Marker:
    plain = {"get": "/notes", "records": "items", "text": "text", "id": "id", "of": "client"}
    if kind == "scan":
        plain |= {"at": "at", "pages": {"next": "next", "into": "query.after"}}
    return Marker.model_validate({"kind": kind, **plain, **more})


def watcher(kind: str = "text", client: str | None = "7", **more: object) -> Watcher:
    return Watcher(rule(kind, **more), OURS, client=client, sent_at=SENT)


def note(text: str, client: object = "7", at: object = "2026-11-21T12:00:05Z", record: object = "1") -> dict[str, object]:
    return {"id": record, "text": text, "client": client, "at": at}


def test_a_record_with_the_marker_on_this_client_is_found() -> None:
    assert watcher().page([note("x"), note(f"a\nb {OURS}", record=5)], ended=False) == Look.found("5")


def test_the_id_of_the_client_is_compared_as_text() -> None:
    assert watcher(client="7").page([note(OURS, client=7)], ended=True) == Look.found("1")


def test_a_fuzzy_search_finds_others_and_they_do_not_count() -> None:
    assert watcher().page([note(OTHER), note("c2c"), note(OURS[:-1])], ended=True) == Look.absent()


def test_a_marker_on_another_client_is_neither_found_nor_absent() -> None:
    look = watcher().page([note(OURS, client="8")], ended=True)

    assert look is not None
    assert look.seen is Seen.UNKNOWN
    assert "another client (8)" in look.reason


def test_a_note_on_a_deal_may_say_whose_it_is_or_which_deal_s() -> None:
    watching = Watcher(rule(), OURS, client="7", sent_at=SENT, deal="70")

    assert watching.page([note(OURS, client="7", record=5)], ended=True) == Look.found("5")
    assert watching.page([note(OURS, client="70", record=6)], ended=True) == Look.found("6")
    look = watching.page([note(OURS, client="8")], ended=True)
    assert look is not None
    assert look.seen is Seen.UNKNOWN


def test_one_here_counts_although_there_is_one_elsewhere() -> None:
    assert watcher().page([note(OURS, client="8"), note(OURS, record="2")], ended=True) == Look.found("2")


def test_a_new_client_hangs_on_nobody() -> None:
    assert watcher(client=None).page([note(OURS, client="8")], ended=True) == Look.found("1")


def test_the_id_itself_may_be_the_marker() -> None:
    assert watcher("external_id").page([note("", record=OURS)], ended=True) == Look.found(OURS)


def test_a_record_asked_for_by_its_unique_id_that_does_not_show_the_marker_is_not_called_absent() -> None:
    look = watcher("external_id").page([{"id": "1", "client": "7"}], ended=True)

    assert look is not None
    assert look.seen is Seen.UNKNOWN


@pytest.mark.parametrize("at", ["2026-11-21T11:49:00Z", "2026-11-21 11:49:00", 1795261740, 1795261740000, "1795261740"])
def test_a_list_is_seen_far_enough_past_a_record_older_than_the_request(at: object) -> None:
    assert watcher("scan").page([note("x"), note("y", at=at)], ended=False) == Look.absent()


@pytest.mark.parametrize("at", ["2026-11-21T11:51:00Z", "2026-11-21T13:00:00+00:00", "yesterday", None, 10**30])
def test_a_list_whose_last_record_is_not_older_goes_on(at: object) -> None:
    watching = watcher("scan")

    assert watching.page([note("x", at=at)], ended=False) is None
    assert watching.over().seen is Seen.UNKNOWN


def test_the_end_of_the_list_is_far_enough() -> None:
    assert watcher("scan").page([note("x")], ended=True) == Look.absent()
    assert watcher("scan").page([], ended=True) == Look.absent()


def test_the_marker_on_a_later_page_is_found() -> None:
    watching = watcher("scan")

    assert watching.page([note("x")], ended=False) is None
    assert watching.page([note(OURS)], ended=False) == Look.found("1")


def test_a_search_without_pages_is_whole() -> None:
    assert watcher("field").page([], ended=False) == Look.absent()


def test_a_search_with_pages_is_whole_at_its_last() -> None:
    watching = watcher("text", pages={"next": "next", "into": "query.after"})

    assert watching.page([note("x")], ended=False) is None
    assert watching.page([note("x")], ended=True) == Look.absent()


def test_without_an_expression_the_marker_may_stand_anywhere_in_the_record() -> None:
    made = Marker.model_validate({"kind": "external_id", "get": "/x", "id": "id"})
    watching = Watcher(made, OURS, client=None, sent_at=SENT)

    assert watching.page([{"id": 3, "custom": {"ours": OURS}}], ended=True) == Look.found("3")


@pytest.mark.parametrize(
    ("there", "seen"),
    [
        ("Sat, 21 Nov 2026 12:05:00 GMT", Seen.ABSENT), ("Sat, 21 Nov 2026 11:05:00 GMT", None),
        # ahead of ours, or unreadable, or not told: as if it were the same
        ("Sat, 21 Nov 2026 13:05:00 GMT", Seen.ABSENT), ("yesterday", Seen.ABSENT), (None, Seen.ABSENT),
    ],
)  # fmt: skip
def test_a_crm_whose_clock_is_behind_ours_is_asked_further_back(there: str | None, seen: Seen | None) -> None:
    """Ours was set an hour ahead since the request was sent, and `sent_at` with it: by the CRM's clock that was 11:00."""
    watching = watcher("scan")
    watching.clocks(there, SENT.replace(minute=5))

    look = watching.page([note("x", at="2026-11-21T11:30:00Z")], ended=False)

    assert (look.seen if look else None) is seen
