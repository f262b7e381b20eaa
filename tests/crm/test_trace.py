from datetime import UTC, datetime

from bridge.crm.trace import call_step, shown_path, skipped_step
from bridge.errors import Rejected
from bridge.transport import Answer, PreparedRequest

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_path_is_shown_below_the_targets_address_which_may_be_a_secret() -> None:
    base = "https://crm.example.com/rest/1/h1dden/"

    assert shown_path("https://crm.example.com/rest/1/h1dden/crm.contact.list", base) == "/crm.contact.list"


def test_the_values_of_a_query_are_not_shown() -> None:
    path = shown_path("https://c.example/p?where%5B0%5D=%2B79161234567&apiKey=s3cret&flag", "https://c.example")

    assert path == "/p?where[0]=…&apiKey=***&flag=…"


def test_contact_data_in_a_path_is_masked_and_a_long_id_is_not() -> None:
    base = "https://c.example"

    assert "9161234567" not in shown_path(base + "/by-phone/%2B79161234567", base)
    assert "anna" not in shown_path(base + "/by-email/anna%40example.com", base)
    assert shown_path(base + "/people/123456789012/notes", base, keep=("123456789012",)) == "/people/123456789012/notes"


def test_a_step_tells_the_error_masked_and_in_short() -> None:
    error = Rejected("phone +7 916 123-45-67 is bad " + "x" * 1000)
    step = call_step(NOW, "find", PreparedRequest("GET", "https://c.example/p"), "https://c.example", error=error,
                     answer=Answer(400, ms=12))  # fmt: skip

    assert step.error is not None
    assert step.error.startswith("crm_rejected: phone ***67 is bad")
    assert len(step.error) == 300
    assert (step.method, step.path, step.status, step.ms) == ("GET", "/p", 400, 12)


def test_what_was_not_asked_is_a_step_too() -> None:
    step = skipped_step(NOW, "find by email", "nothing for anna@example.com")

    assert (step.what, step.method, step.detail) == ("find by email", None, "nothing for ***@***")
