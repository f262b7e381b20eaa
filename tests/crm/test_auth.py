import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from bridge.crm.auth import sign
from bridge.errors import AccessRefused, Rejected
from bridge.mapping.schema.auth import Auth
from bridge.mapping.schema.provider import Verify
from bridge.transport import PreparedRequest
from bridge.verify import Incoming, verify

BASE = "https://crm.example.com/api/v1"
SCOPE = {"target": {"token": "s3cret", "user": "bot", "key_id": "k-1"}}
REQUEST = PreparedRequest("POST", BASE + "/people?x=1", {"A": "b"}, b'{"n":1}')


def signed(scope: dict[str, object] = SCOPE, request: PreparedRequest = REQUEST, **auth: object) -> PreparedRequest:
    return sign(request, Auth.model_validate(auth), scope, base_url=BASE)


def test_a_key_in_the_address_or_none_at_all_changes_nothing() -> None:
    assert signed(kind="url") == signed(kind="none") == REQUEST


def test_a_header_carries_the_key_in_the_words_of_the_mapping() -> None:
    made = signed(kind="header", name="Authorization", value="Token token={target.token}")

    assert made.headers == {"A": "b", "Authorization": "Token token=s3cret"}
    assert (made.url, made.body) == (REQUEST.url, REQUEST.body)


def test_bearer_and_basic_are_written_as_everybody_does() -> None:
    assert signed(kind="bearer", value="{target.token}").headers["Authorization"] == "Bearer s3cret"
    basic = signed(kind="basic", user="{target.user}", password="{target.token}").headers["Authorization"]
    assert base64.b64decode(basic.removeprefix("Basic ")) == b"bot:s3cret"


def test_a_key_in_the_query_is_encoded_and_stands_behind_what_is_there() -> None:
    scope = {"target": {"token": "a+b&c"}}

    assert signed(scope, kind="query", name="apiKey", value="{target.token}").url.endswith("/people?x=1&apiKey=a%2Bb%26c")
    bare = PreparedRequest("GET", BASE + "/people")
    assert signed(scope, bare, kind="query", name="k", value="{target.token}").url.endswith("/people?k=a%2Bb%26c")


@pytest.mark.parametrize(("encoding", "algorithm"), [("hex", "sha256"), ("base64", "sha1")])
def test_a_signature_is_made_of_the_request_itself(encoding: str, algorithm: str) -> None:
    made = signed(
        kind="hmac", name="X-Sign", signed="{method} {path}|{query}|{body}", algorithm=algorithm, encoding=encoding,
        value="{target.key_id}:{signature}",
    )  # fmt: skip

    digest = hmac.new(b"s3cret", b'POST /people|x=1|{"n":1}', getattr(hashlib, algorithm)).digest()
    expected = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    assert made.headers["X-Sign"] == f"k-1:{expected}"


def test_a_signature_as_bytes_goes_out_with_its_key_in_base64() -> None:
    made = signed(kind="hmac", name="X-Sign", signed="{method} {path}", encoding="bytes", value="{target.key_id}:{signature}")

    digest = hmac.new(b"s3cret", b"POST /people", hashlib.sha256).digest()
    assert base64.b64decode(made.headers["X-Sign"]) == b"k-1:" + digest


def test_a_key_in_the_body_takes_its_place_and_leaves_the_rest() -> None:
    request = PreparedRequest("POST", BASE, {}, '{"params":{"args":["db",5,"","имя"]},"id":1}'.encode())

    made = signed(request=request, kind="json", name="params.args.2", value="{target.token}")

    assert made.body == '{"params":{"args":["db",5,"s3cret","имя"]},"id":1}'.encode()
    assert signed(request=request, kind="json", name="token", value="{target.token}").body == (
        '{"params":{"args":["db",5,"","имя"]},"id":1,"token":"s3cret"}'.encode()
    )


@pytest.mark.parametrize("body", [None, b"[1]", b'{"params":{"args":["db"]}}', b'{"params":[]}'])
def test_a_body_without_the_keys_place_is_not_sent(body: bytes | None) -> None:
    with pytest.raises(Rejected, match=r"at params\.args\.2, but this request of the mapping has no such place"):
        signed(request=PreparedRequest("POST", BASE, {}, body), kind="json", name="params.args.2", value="{target.token}")


STANDARD = {"kind": "standard_webhooks", "also": "{target.other}"}
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_standard_webhook_is_signed_over_its_id_its_time_and_its_body() -> None:
    request = PreparedRequest("POST", BASE, {"webhook-id": "c2c-1"}, b'{"n":1}')
    now = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    for target, count in (({"token": WHSEC}, 1), ({"token": WHSEC, "other": None}, 1), ({"token": WHSEC, "other": WHSEC}, 2)):
        made = sign(request, Auth.model_validate(STANDARD), {"target": target}, base_url=BASE, now=now)
        assert len(made.headers["webhook-signature"].split()) == count
        proof = verify((Verify(scheme="standard_webhooks"),), Incoming(made.headers, b'{"n":1}'), [WHSEC], now=now)
        assert not proof.stale


def test_a_standard_webhook_without_an_id_or_a_key_is_not_sent() -> None:
    with pytest.raises(Rejected, match="give it a marker of the kind header"):
        signed({"target": {"token": WHSEC}}, PreparedRequest("POST", BASE), **STANDARD)
    with pytest.raises(AccessRefused, match="set it in the target's configuration"):
        signed({"target": {"token": None}}, PreparedRequest("POST", BASE, {"webhook-id": "1"}), **STANDARD)


OAUTH = {"kind": "oauth2", "grant": "client_credentials", "endpoint": {"url": "{target.url}"}}
HELD = {**SCOPE, "token": {"access": "a+b"}}


def test_an_access_token_goes_where_the_mapping_says() -> None:
    assert signed(HELD, **OAUTH).headers["Authorization"] == "Bearer a+b"
    assert signed(HELD, **OAUTH, name="X-Token", value="Token {token.access}").headers["X-Token"] == "Token a+b"
    assert signed(HELD, **OAUTH, carry="query", name="auth").url.endswith("/people?x=1&auth=a%2Bb")
    assert signed(HELD, **OAUTH, carry="json", name="auth").body == b'{"n":1,"auth":"a+b"}'
    form = PreparedRequest("POST", BASE, {"Content-Type": "application/x-www-form-urlencoded"}, b"n=1")
    assert signed(HELD, form, **OAUTH, carry="form", name="auth").body == b"n=1&auth=a%2Bb"


def test_a_request_without_a_body_gets_one_for_its_token_unless_it_only_reads() -> None:
    bare = PreparedRequest("POST", BASE)
    assert signed(HELD, bare, **OAUTH, carry="json", name="auth").body == b'{"auth":"a+b"}'
    assert signed(HELD, bare, **OAUTH, carry="form", name="auth").body == b"auth=a%2Bb"
    listed = PreparedRequest("POST", BASE, {"Content-Type": "application/json"}, b"[1]")
    for carry, request in (("json", PreparedRequest("GET", BASE)), ("form", PreparedRequest("GET", BASE)), ("json", listed),
                           ("form", listed)):  # fmt: skip
        with pytest.raises(Rejected, match="The access token goes into the"):
            signed(HELD, request, **OAUTH, carry=carry, name="auth")


def test_a_token_that_a_person_made_for_good_is_carried_like_one_that_runs_out() -> None:
    assert signed({**SCOPE, "token": {}}, **OAUTH).headers["Authorization"] == "Bearer s3cret"


def test_what_signs_may_be_another_secret_than_the_token() -> None:
    scope = {"target": {"token": "key-id", "signing": "s3cret"}}
    made = signed(scope, kind="hmac", name="X", signed="{body}", key="{target.signing}", value="{target.token}:{signature}")

    assert made.headers["X"] == "key-id:" + hmac.new(b"s3cret", b'{"n":1}', hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    "auth",
    [
        OAUTH,
        {"kind": "hmac", "name": "X", "value": "{signature}", "signed": "{body}", "key": "{target.signing}"},
        {"kind": "header", "name": "X", "value": "{target.token}"},
        {"kind": "bearer", "value": "{target.token}"},
        {"kind": "query", "name": "x", "value": "{target.token}"},
        {"kind": "hmac", "name": "X", "value": "{signature}", "signed": "{body}"},
    ],
)
def test_without_a_key_nothing_is_sent_and_the_remedy_is_told(auth: dict[str, object]) -> None:
    with pytest.raises(AccessRefused, match="set it in the target's configuration"):
        signed({"target": {"token": None}}, **auth)


def test_a_key_with_a_line_break_is_refused_before_it_tears_the_request_apart() -> None:
    with pytest.raises(Rejected, match="without a line break"):
        signed({"target": {"token": "s3cret\n"}}, kind="header", name="X", value="{target.token}")
