from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from bridge.crm.auth.signatures import digest, in_base64, standard_webhook
from bridge.errors import AccessRefused, Rejected

#: the public vector of the reference libraries, beside those by which we take webhooks in
VECTORS = json.loads((Path(__file__).parents[2] / "verify" / "signature_vectors.json").read_text(encoding="utf-8"))["vectors"]
STANDARD = next(one for one in VECTORS if one["rule"]["scheme"] == "standard_webhooks")
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def signed(*keys: str) -> dict[str, str]:
    headers = STANDARD["headers"]
    return standard_webhook(headers["webhook-id"], int(headers["webhook-timestamp"]), STANDARD["body"].encode(), keys)


def test_the_reference_librarys_own_signature_comes_out() -> None:
    assert signed(STANDARD["key"]) == {name: value for name, value in STANDARD["headers"].items() if name != "webhook-id"}


def test_two_keys_give_two_signatures_the_first_key_first() -> None:
    first, second = signed(STANDARD["key"], OTHER)["webhook-signature"].split(" ")
    assert first == STANDARD["headers"]["webhook-signature"]
    assert second.startswith("v1,")
    assert second != first


@pytest.mark.parametrize("key", ["a-plain-password", "whsec_", "whsec_c2hvcnQ=", "whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_a_key_that_is_none_of_the_standards_says_how_to_make_one(key: str) -> None:
    with pytest.raises(AccessRefused, match="openssl rand -base64 32"):
        signed(key)


def test_a_digest_comes_in_three_spellings() -> None:
    raw = hmac.new(b"k", b"GET /Contact", hashlib.sha256).digest()
    assert digest("k", "GET /Contact", "sha256", "hex") == raw.hex()
    assert digest("k", "GET /Contact", "sha256", "base64") == base64.b64encode(raw).decode()
    assert base64.b64decode(in_base64("the-key:" + digest("k", "GET /Contact", "sha256", "bytes"))) == b"the-key:" + raw


def test_a_key_of_letters_that_are_no_bytes_is_refused() -> None:
    with pytest.raises(Rejected, match="was it pasted whole"):
        in_base64("ключ:…")
