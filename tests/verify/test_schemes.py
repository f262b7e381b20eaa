"""Every scheme: what it accepts, and the forged, stale, replayed and wrong-key requests that it does not."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.errors import NotAuthentic
from bridge.mapping.schema import Verify
from bridge.verify import Incoming, verify

NOW = datetime(2026, 3, 2, 10, 15, 53, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
BODY = '{"event":"demo","text":"Привет 🙂","n":1}'.encode()
VECTORS = json.loads((Path(__file__).parent / "signature_vectors.json").read_text("utf-8"))["vectors"]
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED = Ed25519PrivateKey.generate()


def rule(**keys: Any) -> Verify:
    return Verify.model_validate(keys)


def _pem(key: Any) -> str:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


class Case:
    """One signed scheme: how its sender signs, and the key the receiver holds."""

    def __init__(self, rules: Verify, key: str, other_key: str,
                 sign: Callable[[bytes, str], dict[str, str]], *, dated: bool) -> None:
        self.rules, self.key, self.other_key, self.sign, self.dated = (rules,), key, other_key, sign, dated

    def incoming(self, body: bytes = BODY, stamp: str = STAMP) -> Incoming:
        return Incoming(headers=self.sign(body, stamp), body=body)


def _hex(algorithm: str, key: bytes, data: bytes) -> str:
    return hmac.new(key, data, algorithm).hexdigest()


def _standard(body: bytes, stamp: str) -> dict[str, str]:
    signature = hmac.new(b"k" * 32, f"msg_1.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": stamp,
            "Webhook-Signature": f"v2,unknown v1,{base64.b64encode(signature).decode()}"}


def _standard_ed(body: bytes, stamp: str) -> dict[str, str]:
    signature = ED.sign(f"msg_1.{stamp}.".encode() + body)
    return {"svix-id": "msg_1", "svix-timestamp": stamp,
            "svix-signature": f"v1a,{base64.b64encode(signature).decode()}"}


def _rsa(body: bytes, _stamp: str) -> dict[str, str]:
    return {"X-Sig": base64.b64encode(RSA.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()}


CASES = {
    "hmac sha1 over the body": Case(
        rule(scheme="hmac", name="X-Sig", algorithm="sha1"), "test-secret", "other",
        lambda body, _: {"x-sig": _hex("sha1", b"test-secret", body)}, dated=False),
    "hmac sha512 in base64 with a hex key": Case(
        rule(scheme="hmac", name="X-Sig", algorithm="sha512", encoding="base64", key="hex"), "6b6579", "6b657a",
        lambda body, _: {"x-sig": base64.b64encode(hmac.new(b"key", body, "sha512").digest()).decode()}, dated=False),
    "hmac sha256 over time and body": Case(
        rule(scheme="hmac", name="X-Sig", prefix="sha256=", signed="{timestamp}.{body}", timestamp={"header": "X-Time"}),
        "test-secret", "other",
        lambda body, stamp: {"X-SIG": "sha256=" + _hex("sha256", b"test-secret", f"{stamp}.".encode() + body),
                             "x-time": stamp}, dated=True),
    "hmac with several named parts": Case(
        rule(scheme="hmac", name="X-Sig", part="s", signed="{body}_{timestamp}", timestamp={"part": "t"}),
        "test-secret", "other",
        lambda body, stamp: {"x-sig": f"t={stamp},s={'0' * 64},s="
                                      + _hex("sha256", b"test-secret", body + f"_{stamp}".encode())}, dated=True),
    "rsa sha256": Case(
        rule(scheme="rsa", name="X-Sig", encoding="base64"), _pem(RSA),
        _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)), _rsa, dated=False),
    "ed25519 over time and body": Case(
        rule(scheme="ed25519", name="X-Sig", key="hex", signed="{timestamp}{body}", timestamp={"header": "X-Time"}),
        _raw(ED).hex(), _raw(Ed25519PrivateKey.generate()).hex(),
        lambda body, stamp: {"x-sig": ED.sign(stamp.encode() + body).hex(), "x-time": stamp}, dated=True),
    "standard webhooks with a shared secret": Case(
        rule(scheme="standard_webhooks"), "whsec_" + base64.b64encode(b"k" * 32).decode(),
        "whsec_" + base64.b64encode(b"j" * 32).decode(), _standard, dated=True),
    "standard webhooks with a public key": Case(
        rule(scheme="standard_webhooks"), "whpk_" + base64.b64encode(_raw(ED)).decode(),
        "whpk_" + base64.b64encode(_raw(Ed25519PrivateKey.generate())).decode(), _standard_ed, dated=True),
}
SIGNED = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
DATED = pytest.mark.parametrize("case", [case for case in CASES.values() if case.dated],
                                ids=[name for name, case in CASES.items() if case.dated])


@SIGNED
def test_a_request_signed_with_the_sources_key_is_authentic(case: Case) -> None:
    verdict = verify(case.rules, case.incoming(), [case.key], now=NOW)
    assert (verdict.stale, verdict.key, verdict.signed_at) == (False, 0, NOW.timestamp() if case.dated else None)


@SIGNED
def test_a_forged_body_under_a_good_signature_is_not_authentic(case: Case) -> None:
    forged = replace(case.incoming(), body=BODY.replace(b"demo", b"Demo"))
    with pytest.raises(NotAuthentic):
        verify(case.rules, forged, [case.key], now=NOW)


@SIGNED
def test_a_request_signed_with_another_key_is_not_authentic(case: Case) -> None:
    with pytest.raises(NotAuthentic):
        verify(case.rules, case.incoming(), [case.other_key], now=NOW)


@SIGNED
@pytest.mark.parametrize("rubbish", ["", "zz", "ÿ", "v1,", "t=,s=", "0" * 64, "a" * 100_000])
def test_rubbish_where_the_signature_should_stand_is_not_authentic(case: Case, rubbish: str) -> None:
    incoming = case.incoming()
    broken = {name: rubbish if "sig" in name.lower() else value for name, value in incoming.headers.items()}
    with pytest.raises(NotAuthentic):
        verify(case.rules, replace(incoming, headers=broken), [case.key], now=NOW)


@SIGNED
def test_a_request_without_any_header_is_not_authentic(case: Case) -> None:
    with pytest.raises(NotAuthentic):
        verify(case.rules, Incoming(body=BODY), [case.key], now=NOW)


@SIGNED
def test_the_key_before_last_is_still_accepted_and_named(case: Case) -> None:
    assert verify(case.rules, case.incoming(), [case.other_key, case.key], now=NOW).key == 1


@SIGNED
def test_a_source_without_a_secret_accepts_nothing(case: Case) -> None:
    with pytest.raises(NotAuthentic, match="set `secret:`"):
        verify(case.rules, case.incoming(), ["", " "], now=NOW)


@DATED
@pytest.mark.parametrize("apart", [timedelta(seconds=301), timedelta(seconds=-301), timedelta(days=400)])
def test_a_recording_played_back_later_is_told_to_be_stale(case: Case, apart: timedelta) -> None:
    assert verify(case.rules, case.incoming(), [case.key], now=NOW + apart).stale


@DATED
def test_a_clock_that_is_four_minutes_off_does_no_harm(case: Case) -> None:
    assert not verify(case.rules, case.incoming(), [case.key], now=NOW - timedelta(minutes=4)).stale


@DATED
def test_a_recording_under_a_fresh_time_is_not_authentic(case: Case) -> None:
    old, later = case.incoming(), str(int(STAMP) + 3600)
    dressed_up = {name: value.replace(STAMP, later) for name, value in old.headers.items()}
    with pytest.raises(NotAuthentic):
        verify(case.rules, replace(old, headers=dressed_up), [case.key], now=NOW + timedelta(hours=1))


@DATED
@pytest.mark.parametrize("stamp", ["yesterday", "nan", "inf", "1e400", "-", "9" * 30])
def test_a_time_that_cannot_be_read_is_refused_even_if_it_is_signed(case: Case, stamp: str) -> None:
    with pytest.raises(NotAuthentic, match=r"time of signing|has no part"):
        verify(case.rules, case.incoming(stamp=stamp), [case.key], now=NOW)


def test_a_signature_that_names_no_time_is_not_authentic() -> None:
    case = CASES["hmac with several named parts"]
    signed = case.incoming().headers["x-sig"].partition(",")[2]
    with pytest.raises(NotAuthentic, match="no part t="):
        verify(case.rules, Incoming(headers={"X-Sig": signed}, body=BODY), [case.key], now=NOW)


@pytest.mark.parametrize(("stamp", "good"), [("2026-03-02T10:15:53Z", True), ("2026-03-02T13:15:53+03:00", True),
                                             ("2026-03-02T10:15:53", False), ("1772446553", False)])
def test_a_time_in_words_of_iso_needs_its_zone(stamp: str, *, good: bool) -> None:
    rules = (rule(scheme="hmac", name="X-Sig", signed="{timestamp}{body}", timestamp={"header": "X-Time", "format": "iso"}),)
    incoming = Incoming(headers={"X-Sig": _hex("sha256", b"secret", stamp.encode() + BODY), "X-Time": stamp}, body=BODY)
    if good:
        assert not verify(rules, incoming, ["secret"], now=NOW).stale
    else:
        with pytest.raises(NotAuthentic, match="cannot be read"):
            verify(rules, incoming, ["secret"], now=NOW)


def test_the_id_the_method_and_the_address_can_be_signed() -> None:
    rules = (rule(scheme="hmac", name="X-Sig", signed="{method} {url} {id}", id="X-Id"),)
    url = "https://bridge.example.com/hooks/shop?a=%20b"
    headers = {"X-Sig": _hex("sha256", b"secret", f"POST {url} 17".encode()), "X-Id": "17"}
    assert verify(rules, Incoming(headers=headers, url=url), ["secret"], now=NOW)
    for changed in ({"method": "PUT"}, {"url": url + "c"}, {"headers": {**headers, "X-Id": "18"}}):
        with pytest.raises(NotAuthentic):
            verify(rules, replace(Incoming(headers=headers, url=url), **changed), ["secret"], now=NOW)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["who"] for vector in VECTORS])
def test_the_documented_formula_of_each_vendor_is_understood(vector: dict[str, Any]) -> None:
    incoming = Incoming(headers=vector["headers"], body=vector["body"].encode(), url=vector["url"])
    now = datetime.fromtimestamp(vector["signed_at"], UTC)
    assert not verify((rule(**vector["rule"]),), incoming, [vector["key"]], now=now).stale
    forged = replace(incoming, body=incoming.body.replace(b"}", b',"x":0}'))
    with pytest.raises(NotAuthentic):
        verify((rule(**vector["rule"]),), forged, [vector["key"]], now=now)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["who"] for vector in VECTORS])
def test_a_vendors_request_played_back_is_stale_where_the_vendor_signs_the_time(vector: dict[str, Any]) -> None:
    """Where none is signed only the dedupe key tells a request played back: it is the same delivery again."""
    incoming = Incoming(headers=vector["headers"], body=vector["body"].encode(), url=vector["url"])
    rules = (rule(**vector["rule"]),)
    dated = "timestamp" in vector["rule"] or vector["rule"]["scheme"] == "standard_webhooks"
    for apart in (timedelta(hours=1), -timedelta(hours=1)):
        now = datetime.fromtimestamp(vector["signed_at"], UTC) + apart
        assert verify(rules, incoming, [vector["key"]], now=now).stale is dated


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["who"] for vector in VECTORS])
def test_a_vendors_request_is_accepted_under_either_key_of_a_rotation_and_under_no_other(vector: dict[str, Any]) -> None:
    incoming = Incoming(headers=vector["headers"], body=vector["body"].encode(), url=vector["url"])
    now, rules = datetime.fromtimestamp(vector["signed_at"], UTC), (rule(**vector["rule"]),)
    newer = "whsec_" + base64.b64encode(b"n" * 32).decode() if vector["key"].startswith("whsec_") else "the-newer-secret"
    assert verify(rules, incoming, [newer, vector["key"]], now=now).key == 1
    with pytest.raises(NotAuthentic):
        verify(rules, incoming, [newer], now=now)


#: each way in which chat services prove themselves → what stands for it here
WAYS = {
    "a secret in the body": "body", "a secret in a query parameter": "query", "a secret in the path": "path",
    "a secret in a header": "header", "a bearer token": "bearer",
    "HMAC-SHA1 in hex, bare": "tawk / helpcrunch", "HMAC-SHA1 in hex with a prefix": "intercom",
    "HMAC-SHA256 in hex, bare": "smartsupp", "HMAC-SHA256 in hex with a prefix": "meta",
    "time, dot, body": "chatwoot", "time and body in brackets, the body perhaps written anew": "crisp plugin hook",
    "time and body in base64": "zendesk", "named parts, several signatures at once": "tidio",
    "method, address, body, time": "hubspot v3", "RSA with SHA-256": "rsa sha256", "Ed25519": "ed25519 over time and body",
    "Standard Webhooks, shared": "standard-webhooks v1", "Standard Webhooks, public key": "standard webhooks with a public key",
}


def test_every_way_of_proving_has_its_vector_or_its_case() -> None:
    here = {*CASES, *PLACES, *(vector["who"] for vector in VECTORS)}
    assert {way: name for way, name in WAYS.items() if name not in here} == {}


def test_a_sender_that_signs_the_compact_form_of_what_it_sends_is_understood() -> None:
    compact, sent = '{"a":"Ж","n":1}'.encode(), b'{"a": "\\u0416", "n": 1}'
    rules = (rule(scheme="hmac", name="X-Sig", signed=["{body}", "{compact_body}"]),)
    incoming = Incoming(headers={"X-Sig": _hex("sha256", b"secret", compact)}, body=sent)
    assert verify(rules, incoming, ["secret"], now=NOW)
    with pytest.raises(NotAuthentic):
        verify(rules, replace(incoming, body=b"not json"), ["secret"], now=NOW)


# -- equality ----------------------------------------------------------------------------------------------------------

PLACES = {
    "path": (rule(scheme="equality", **{"in": "path"}), lambda secret: Incoming(path_secret=secret), None),
    "query": (rule(scheme="equality", name="key", **{"in": "query"}), lambda secret: Incoming(query=f"a=1&key={secret}"), None),
    "header": (rule(scheme="equality", name="X-Token"), lambda secret: Incoming(headers={"x-TOKEN": secret}), None),
    "bearer": (rule(scheme="equality", name="Authorization", prefix="Bearer "),
               lambda secret: Incoming(headers={"Authorization": f"bearer {secret}"}), None),
    "body": (rule(scheme="equality", name="auth.token", **{"in": "body"}), lambda _: Incoming(),
             lambda secret: {"auth": {"token": secret}}),
}
EVERYWHERE = pytest.mark.parametrize(("where", "incoming", "payload"), PLACES.values(), ids=PLACES.keys())


@EVERYWHERE
def test_the_right_secret_is_accepted_wherever_the_mapping_says_it_stands(where: Any, incoming: Any,
                                                                           payload: Any) -> None:
    verdict = verify((where,), incoming("s3cret-of-20-letters"), ["newer", "s3cret-of-20-letters"], now=NOW,
                     payload=payload and payload("s3cret-of-20-letters"))
    assert (verdict.scheme, verdict.key, verdict.stale) == ("equality", 1, False)


@EVERYWHERE
@pytest.mark.parametrize("given", ["", "wrong", "s3cret-of-20-letter", "s3cret-of-20-letters2", "S3CRET-OF-20-LETTERS",
                                   "секрет", "\ud800"])
def test_any_other_secret_is_refused(where: Any, incoming: Any, payload: Any, given: str) -> None:
    with pytest.raises(NotAuthentic) as caught:
        verify((where,), incoming(given), ["s3cret-of-20-letters"], now=NOW, payload=payload and payload(given))
    assert "s3cret" not in caught.value.message


@EVERYWHERE
def test_an_empty_secret_in_the_config_opens_no_door(where: Any, incoming: Any, payload: Any) -> None:
    with pytest.raises(NotAuthentic):
        verify((where,), incoming(""), [""], now=NOW, payload=payload and payload(""))


@pytest.mark.parametrize("payload", [None, [], {"auth": None}, {"auth": {"token": 5}}, {"auth": "x"}])
def test_a_body_of_another_shape_holds_no_secret(payload: Any) -> None:
    with pytest.raises(NotAuthentic):
        verify((PLACES["body"][0],), Incoming(), ["5"], now=NOW, payload=payload)


def test_a_signing_key_is_never_accepted_in_the_open() -> None:
    key = "whsec_" + base64.b64encode(b"k" * 32).decode()
    with pytest.raises(NotAuthentic):
        verify((PLACES["path"][0],), Incoming(path_secret=key), [key], now=NOW)


# -- alternatives ------------------------------------------------------------------------------------------------------


def test_one_rule_of_several_that_holds_is_enough() -> None:
    both = (rule(scheme="standard_webhooks"), PLACES["path"][0])
    signing, plain = "whsec_" + base64.b64encode(b"k" * 32).decode(), "a-secret-in-the-path"
    signed = Incoming(headers=_standard(BODY, STAMP), body=BODY)
    assert verify(both, signed, [signing, plain], now=NOW).scheme == "standard_webhooks"
    assert verify(both, Incoming(path_secret=plain), [signing, plain], now=NOW).scheme == "equality"
    with pytest.raises(NotAuthentic, match=r"webhook-signature is missing; .*path"):
        verify(both, Incoming(path_secret="nonsense"), [signing, plain], now=NOW)


def test_a_fresh_proof_by_another_rule_outweighs_a_stale_signature() -> None:
    both = (rule(scheme="standard_webhooks"), PLACES["path"][0])
    keys = ["whsec_" + base64.b64encode(b"k" * 32).decode(), "a-secret-in-the-path"]
    incoming = Incoming(headers=_standard(BODY, STAMP), body=BODY, path_secret=keys[1])
    verdict = verify(both, incoming, keys, now=NOW + timedelta(days=1))
    assert (verdict.scheme, verdict.stale) == ("equality", False)


def test_a_mapping_without_rules_accepts_nothing_and_one_that_says_none_accepts_all() -> None:
    with pytest.raises(NotAuthentic):
        verify((), Incoming(), ["key"], now=NOW)
    assert verify((rule(scheme="none"),), Incoming(), [], now=NOW).scheme == "none"


def test_a_query_with_too_many_parameters_is_refused_and_not_searched() -> None:
    with pytest.raises(NotAuthentic, match="query cannot be read"):
        verify((PLACES["query"][0],), Incoming(query="&".join("a=1" for _ in range(1001))), ["key"], now=NOW)
