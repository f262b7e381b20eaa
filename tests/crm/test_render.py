import json
from urllib.parse import urlsplit

import pytest

from bridge.clock import Clock
from bridge.crm.call import Call
from bridge.crm.caller import Caller
from bridge.crm.limits import pace_of
from bridge.crm.render import next_page, render
from bridge.errors import AccessRefused, EmptyExpression, Rejected
from bridge.mapping.schema.request import FileBytes, MaybeRequest, Request
from bridge.mapping.schema.speech import Api, Limits
from bridge.transport import Answer, PreparedRequest, checked_header

BASE = "https://crm.example.com/api/"


def request(**given: object) -> Request:
    return Request.model_validate(given)


def test_the_address_is_the_base_the_path_and_the_query() -> None:
    made = render(
        request(get="/people/{client.id}", query={"where[0][value]": "{phone}", "max": "5"}),
        {"client": {"id": "a/b c"}, "phone": "+7 916"}, base_url=BASE,
    )  # fmt: skip

    assert made == PreparedRequest(
        "GET", "https://crm.example.com/api/people/a%2Fb%20c?where%5B0%5D%5Bvalue%5D=%2B7%20916&max=5", {}, None
    )


def test_a_plus_in_a_query_is_encoded_so_that_it_does_not_arrive_as_a_blank() -> None:
    made = render(request(get="/p", query={"phone": "{phone}"}), {"phone": "+79161234567"}, base_url=BASE)

    assert made.url.endswith("?phone=%2B79161234567")


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_in_a_search_an_empty_expression_stops_the_request(empty: object) -> None:
    search = request(get="/p", query={"phone": "{phone}", "max": "5"})

    with pytest.raises(EmptyExpression):
        render(search, {"phone": empty}, base_url=BASE, strict=True)


def test_in_a_search_a_null_inside_a_body_stops_the_request() -> None:
    search = request(post="/search", json={"domain": [["phone", "=", "{phone}"]]})

    with pytest.raises(EmptyExpression):
        render(search, {"phone": None}, base_url=BASE, strict=True)


@pytest.mark.parametrize("bad", [None, "", ".", ".."])
def test_a_path_without_its_id_stops_every_request(bad: object) -> None:
    with pytest.raises(EmptyExpression):
        render(request(post="/people/{client.id}/notes", json={"a": "b"}), {"client": {"id": bad}}, base_url=BASE)


@pytest.mark.parametrize("value", ["@evil.example", ".evil.example", ":pw@evil.example", "//evil.example", "https://evil.example/"])
@pytest.mark.parametrize("path", ["/{x}", "/p/{x}", "?q={x}"])
def test_a_value_in_a_path_leads_to_no_other_host(path: str, value: str) -> None:
    made = render(request(get=path), {"x": value}, base_url="https://c.example")
    assert urlsplit(made.url)[:2] == ("https", "c.example")


async def test_no_address_of_a_payload_is_called() -> None:
    """The address that a request begins with sees the configuration and nothing of the scope that a chat fills."""
    routes = Routes()
    sent = Caller(
        Api.model_validate({"base_url": "{endpoint}"}), {"source": {"url": "https://c.example"}}, transport=routes,
        pace=pace_of("shop", None, Limits(), Clock()), clock=Clock(),
    )  # fmt: skip
    with pytest.raises(AccessRefused, match="set it in the target's configuration"):
        await sent.once(Call("fetch", request(get="/p"), {"endpoint": "https://evil.example"}, "fetch"), [])
    assert routes.sent == []


class Routes:
    """Sends nothing, and remembers that it was asked to."""

    def __init__(self) -> None:
        self.sent: list[PreparedRequest] = []

    async def send(self, request: PreparedRequest) -> Answer:
        self.sent.append(request)
        return Answer(200)

    async def close(self) -> None: ...


def test_what_writes_leaves_empty_members_out() -> None:
    made = render(
        request(post="/p", json={"name": "{name}", "phone": "{phone}", "kind": "chat", "list": [{"v": "{phone}"}]}),
        {"name": "Анна", "phone": None}, base_url=BASE,
    )  # fmt: skip

    assert json.loads(made.body or b"") == {"name": "Анна", "kind": "chat"}
    assert made.headers["Content-Type"] == "application/json"


def test_headers_of_the_mapping_and_of_the_call_are_sent_and_an_empty_one_is_not() -> None:
    made = render(
        request(get="/p", headers={"X-Database": "{db}", "X-One": "{one}", "accept": "text/csv"}),
        {"db": None, "one": "1"}, base_url=BASE, strict=True, more={"X-Again": "true"},
    )  # fmt: skip

    assert made.headers == {"X-One": "1", "accept": "text/csv", "X-Again": "true"}


def test_the_mapping_may_name_another_content_type_in_any_case() -> None:
    made = render(request(post="/p", json={"a": "1"}, headers={"content-type": "application/x+json"}), {}, base_url=BASE)

    assert made.headers == {"Content-Type": "application/x+json"}


@pytest.mark.parametrize("bad", ["key\n", "a\r\nX-Evil: 1", "a\x00"])
def test_a_line_break_does_not_get_into_a_header(bad: str) -> None:
    with pytest.raises(Rejected, match="without a line break"):
        checked_header("X-Key", bad)


def test_the_next_page_goes_where_the_mapping_says() -> None:
    get = PreparedRequest("GET", "https://c.example/p?after=1&limit=2", {"A": "b"})
    post = PreparedRequest("POST", "https://c.example/p", {}, b'{"page":1,"q":"x"}')
    form = PreparedRequest("POST", "https://c.example/p", {}, b"page=1&q=x")

    assert next_page(get, "query.after", "2&3").url == "https://c.example/p?limit=2&after=2%263"
    assert json.loads(next_page(post, "json.page", 2).body or b"") == {"page": 2, "q": "x"}
    deep = next_page(next_page(post, "json.paging.size", 50), "json.paging.after", "a1")
    assert json.loads(deep.body or b"")["paging"] == {"size": 50, "after": "a1"}
    assert next_page(form, "form.page", 2).body == b"q=x&page=2"
    assert next_page(get, "url", "https://c.example/p?cursor=z").url == "https://c.example/p?cursor=z"
    assert next_page(get, "url", "/p?cursor=z").url == "https://c.example/p?cursor=z"


@pytest.mark.parametrize("link", ["https://evil.example/p", "http://c.example/p", "//evil.example/p"])
def test_a_next_page_on_another_host_is_not_asked_for(link: str) -> None:
    with pytest.raises(Rejected, match="another host"):
        next_page(PreparedRequest("GET", "https://c.example/p"), "url", link)


def test_a_query_language_is_sent_as_text_with_its_braces() -> None:
    made = render(request(post="/q", raw="FIND {<<phone>>} IN PHONE"), {"phone": "+7 916\x00"}, base_url=BASE, strict=True)

    assert made.body == b"FIND {+7 916} IN PHONE"
    assert made.headers["Content-Type"].startswith("text/plain")


def test_a_part_without_a_request_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="no request of its own"):
        render(MaybeRequest(), {}, base_url=BASE)


# -- files -------------------------------------------------------------------------------------------------------------

PHOTO = FileBytes("photo.png", "image/png", b"\x89PNG\r\n\x00\xff")


def test_a_body_that_is_nothing_but_a_file_goes_as_its_own_type() -> None:
    made = render(request(post="/upload", raw="<<file.bytes>>"), {"file": {"bytes": PHOTO}}, base_url=BASE)

    assert (made.headers["Content-Type"], made.body) == ("image/png", PHOTO.data)
