"""Where a proof stands, what is signed, and when."""

from typing import Any

import pytest

from bridge.errors import NotAuthentic
from bridge.mapping.schema import Verify
from bridge.verify import Incoming, proof
from bridge.verify.rules import Asked


def rule(**keys: Any) -> Verify:
    return Verify.model_validate({"scheme": "hmac", "name": "X-Sig", **keys})


def asked(payload: Any = None, **keys: Any) -> Asked:
    incoming = Incoming(**keys)
    return Asked(incoming, payload)


def test_the_prefix_is_taken_off_whatever_its_case() -> None:
    assert proof.given(rule(prefix="Bearer "), asked(headers={"X-Sig": "BEARER abc"})) == "abc"
    with pytest.raises(NotAuthentic, match="does not begin with 'Bearer '"):
        proof.given(rule(prefix="Bearer "), asked(headers={"X-Sig": "abc"}))
    with pytest.raises(NotAuthentic, match="no secret or signature in the header"):
        proof.given(rule(prefix="sha1="), asked(headers={"X-Sig": "sha1="}))


def test_the_first_of_several_parameters_of_one_name_counts() -> None:
    assert proof.given(rule(**{"in": "query", "name": "key"}), asked(query="key=%D0%B6&key=b")) == "ж"


def test_a_signature_in_parts_gives_every_signature_and_the_other_parts() -> None:
    parts = proof.parts(rule(part="s"), "t=17, s=ab ,s=cd==,v0")
    assert (parts.signatures, parts.named["t"]) == (("ab", "cd=="), "17")


@pytest.mark.parametrize("where", [{"part": "t"}, {"header": "X-Time"}])
def test_a_time_that_is_not_sent_is_missed(where: dict[str, str]) -> None:
    with pytest.raises(NotAuthentic, match=r"no part t=|header X-Time is missing"):
        proof.stamp(rule(timestamp=where), asked(), {})


def test_what_is_signed_is_joined_as_bytes_so_that_no_encoding_can_spoil_it() -> None:
    body = b"\xff\xfe{timestamp}"
    found = proof.message("[{timestamp};{body}] Ж", rule(), asked(body=body), "17")
    assert found == b"[17;" + body + "] Ж".encode()


@pytest.mark.parametrize(("text", "kind", "seconds"), [
    ("1772446553", "unix", 1772446553), ("1772446553.5", "unix", 1772446553.5), ("1772446553000", "unix_ms", 1772446553),
    ("2026-03-02T10:15:53Z", "iso", 1772446553), ("2026-03-02T13:15:53+03:00", "iso", 1772446553),
])
def test_a_time_of_signing_is_read_in_its_format(text: str, kind: str, seconds: float) -> None:
    assert proof.seconds(text, kind) == seconds


@pytest.mark.parametrize(("text", "kind"), [
    ("", "unix"), ("nan", "unix"), ("-inf", "unix_ms"), ("1e300", "unix"), ("2026-03-02T10:15:53", "iso"), ("1772446553", "iso"),
    ("1772446553000", "unix"),
])
def test_a_time_in_another_format_is_refused_and_not_guessed(text: str, kind: str) -> None:
    with pytest.raises(NotAuthentic, match="cannot be read"):
        proof.seconds(text, kind)
