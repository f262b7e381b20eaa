from datetime import UTC, datetime

import pytest
from crm.speaking import mapping_with, said

from bridge.crm.decipher import Said, as_id, check
from bridge.crm.listed import records_in
from bridge.errors import (
    AccessRefused,
    AuthExpired,
    Blocked,
    Busy,
    Conflict,
    CrmBroken,
    CrmError,
    NotFound,
    Rejected,
    TryLater,
)
from bridge.mapping.language.expressions import Expression
from bridge.transport import Answer

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def judge(answer: Answer, operation: str = "note", **mapping: object) -> CrmError | None:
    made = mapping_with(**mapping)
    request = {"find": made.find[0], "create": made.create, "read": made.read}.get(operation, made.note)
    try:
        check(Said(answer), made, request, operation, now=NOW)
    except CrmError as error:
        return error
    return None


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_none_of_the_errors(status: int) -> None:
    assert judge(Answer(status)) is None


@pytest.mark.parametrize(
    ("status", "kind", "maybe_done"),
    [
        (400, Rejected, None), (401, AccessRefused, None), (402, AccessRefused, None), (403, AccessRefused, None),
        (404, NotFound, None), (405, Rejected, None), (407, AccessRefused, None), (408, CrmBroken, True),
        (409, Conflict, None), (410, NotFound, None), (413, Rejected, None), (422, Rejected, None),
        (425, CrmBroken, True), (429, Busy, False), (500, CrmBroken, True), (502, CrmBroken, True),
        (503, CrmBroken, True), (504, CrmBroken, True), (301, AccessRefused, None), (302, AccessRefused, None),
    ],
)  # fmt: skip
def test_without_a_rule_the_status_decides_by_what_has_to_be_done(
    status: int, kind: type[CrmError], maybe_done: bool | None
) -> None:
    error = judge(Answer(status))

    assert isinstance(error, kind)
    assert getattr(error, "maybe_done", None) is maybe_done
    assert (error.status, error.operation) == (status, "note")


@pytest.mark.parametrize("operation", ["find", "create", "owner"])
def test_404_where_no_record_was_asked_for_is_a_wrong_address(operation: str) -> None:
    error = judge(Answer(404), operation)

    assert isinstance(error, AccessRefused)
    assert "check the target's `url`" in error.message


@pytest.mark.parametrize("operation", ["read", "note", "look"])
def test_a_page_for_people_that_says_404_is_not_the_crms_word(operation: str) -> None:
    assert isinstance(judge(Answer(404, {}, b"<html>404 Not Found nginx</html>"), operation), AccessRefused)
    assert isinstance(judge(said({"message": "gone"}, 404), operation), NotFound)
    assert isinstance(judge(Answer(404), operation), NotFound)


def test_a_redirect_names_the_address_to_configure_and_nothing_secret_of_it() -> None:
    error = judge(Answer(301, {"location": "https://new.example.com/rest/1/hidden/?key=x"}))

    assert error is not None
    assert "https://new.example.com;" in error.message
    assert "hidden" not in error.message


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("7", 7.0), ("0", 0.0), ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0), ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("99999999", 86_400.0), ("soon", None), ("nan", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_seconds_or_as_a_date(told: str, seconds: float | None) -> None:
    error = judge(Answer(429, {"retry-after": told}))

    assert isinstance(error, Busy)
    assert error.retry_after == seconds


def test_503_with_a_time_is_waited_for() -> None:
    error = judge(Answer(503, {"retry-after": "20"}))

    assert isinstance(error, CrmBroken)
    assert error.retry_after == 20.0


def test_the_first_rule_that_fits_counts_and_everything_named_in_it_has_to_fit() -> None:
    rules = [
        {"status": "403", "header": {"X-Why": "limit"}, "then": "retry_after", "after": "wait"},
        {"status": "4xx", "in": "code", "match": "^(?P<word>blocked|banned)$", "then": "blocked"},
        {"status": "200", "when": "error", "then": "permanent"},
    ]

    limited = judge(said({"wait": 9}, 403, X_Why="Limit"), errors=rules)
    assert isinstance(limited, Busy)
    assert limited.retry_after == 9.0
    assert isinstance(judge(said({"code": "banned"}, 403), errors=rules), Blocked)
    assert type(judge(said({"code": "other"}, 403), errors=rules)) is AccessRefused
    assert isinstance(judge(said({"error": "no"}), errors=rules), Rejected)
    assert judge(said({"ok": True}), errors=rules) is None


def test_a_pattern_finds_nothing_where_there_is_nothing_to_look_at() -> None:
    rules = [{"status": "200", "in": "error", "match": "[a-z]", "then": "permanent"}]

    assert judge(said({"ok": True}), errors=rules) is None
    assert judge(said({"error": None}), errors=rules) is None
    assert isinstance(judge(said({"error": "no"}), errors=rules), Rejected)


def test_a_rule_may_hold_for_some_operations_only() -> None:
    rules = [{"status": "400", "only": "create", "then": "retry"}]

    assert isinstance(judge(Answer(400), "create", errors=rules), TryLater)
    assert isinstance(judge(Answer(400), "note", errors=rules), Rejected)


def test_a_refusal_that_is_to_be_tried_again_was_certainly_not_carried_out() -> None:
    rules = [{"status": ["423", "500"], "then": "retry"}]

    refused, broken = judge(Answer(423), errors=rules), judge(Answer(500), errors=rules)

    assert isinstance(refused, TryLater)
    assert isinstance(broken, TryLater)
    assert (refused.maybe_done, broken.maybe_done) == (False, True)


def test_each_word_of_the_mapping_is_an_error() -> None:
    def by(word: str) -> CrmError | None:
        return judge(said({}, 418), errors=[{"status": "418", "then": word}])

    kinds = {word: type(by(word)).__mro__ for word in ("refresh_auth", "not_found", "permanent", "blocked", "access_refused")}
    assert AuthExpired in kinds["refresh_auth"]
    assert NotFound in kinds["not_found"]
    assert Rejected in kinds["permanent"]
    assert Blocked in kinds["blocked"]
    assert AccessRefused in kinds["access_refused"]


def test_a_conflict_brings_the_records_that_are_there_or_the_id_out_of_a_sentence() -> None:
    listed = [{"status": "409", "then": "conflict", "records": "@", "again": {"headers": {"X-Force": "1"}}}]
    worded = [{"status": "409", "in": "message", "match": r"ID: (?P<id>\d+)", "then": "conflict", "id": "match.id"}]

    many = judge(said([{"id": 1}, {"id": 2}, "?"], 409), errors=listed)
    one = judge(said({"message": "Duplicate. ID: 1234567890"}, 409), errors=worded)

    assert isinstance(many, Conflict)
    assert [record["id"] for record in many.records] == [1, 2]
    assert many.again_headers == {"X-Force": "1"}
    assert isinstance(one, Conflict)
    assert one.record_id == "1234567890"


def test_a_rules_hint_is_what_people_read() -> None:
    rules = [{"status": "403", "then": "access_refused", "hint": "give the role its rights"}]
    error = judge(Answer(403), errors=rules)

    assert error is not None
    assert error.message.startswith("give the role its rights (403)")


def test_a_success_that_says_it_failed_is_a_refusal() -> None:
    answer = said({"ok": False, "message": "no such stage"})

    error = judge(answer, success="ok")
    assert isinstance(error, Rejected)
    assert "no such stage" in error.message
    assert judge(said({"ok": True}), success="ok") is None


def test_what_people_read_holds_no_contact_data_no_records_and_no_traceback() -> None:
    answer = said(
        {
            "message": "phone +7 916 123-45-67 of anna@example.com is bad", "debug": "Traceback: secret path",
            "records": [{"name": "Анна Петрова"}], "errors": [{"field": "phone", "message": "too short"}],
        }, 422,
    )  # fmt: skip
    error = judge(answer)

    assert error is not None
    for hidden in ("916", "anna@", "Traceback", "Анна"):
        assert hidden not in error.message
    assert "too short" in error.message
    assert "is bad" in error.excerpt


def test_a_list_of_records_in_the_way_is_not_quoted() -> None:
    error = judge(said([{"id": 1, "name": "Анна Петрова"}], 409, X_Status_Reason="duplicate"))

    assert error is not None
    assert error.excerpt == "duplicate"


def test_a_long_page_is_told_in_short() -> None:
    error = judge(Answer(500, {}, b"<html><body><h1>It broke</h1>" + b"<p>x</p>" * 5000))

    assert error is not None
    assert error.excerpt.startswith("It broke x x")
    assert len(error.excerpt) <= 300


def test_records_are_a_list_whatever_the_crm_calls_one() -> None:
    def records(data: object, expression: str) -> list[dict[str, object]]:
        return records_in(Said(said(data)), Expression(expression))

    assert records({"items": [{"id": 1}, None, "x"]}, "items") == [{"id": 1}]
    assert records({"items": {"id": 1}}, "items") == [{"id": 1}]
    assert records({"result": []}, "result.CONTACT") == []
    assert records([{"id": 1}], "@") == [{"id": 1}]
    assert records_in(Said(Answer(204)), Expression("items")) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (7.0, "7"), ("7", "7"), ([8], "8"), ([], None), (None, None), (True, None), ({"id": 1}, None), (" ", None)],
)
def test_an_id_is_text(value: object, text: str | None) -> None:
    assert as_id(value) == text


def test_a_persons_name_deep_in_an_error_is_not_quoted() -> None:
    error = judge(said({"error": {"message": "taken", "data": {"name": "Анна", "contact": {"message": "x"}}}}, 422))

    assert error is not None
    assert error.excerpt == "message: taken"
