import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.crm.render import render
from bridge.errors import Rejected
from bridge.mapping.schema.request import FileBytes, Request

BASE = "https://crm.example.com/api/"
PHOTO = FileBytes("photo.png", "image/png", b"\x89PNG\r\n\x00\xff")


def request(**given: object) -> Request:
    return Request.model_validate(given)


def test_text_travels_as_it_is_but_for_what_no_database_takes() -> None:
    made = render(request(post="/p", json={"text": "{text}"}), {"text": "a\x00b\\u0000 😀 \ud83d"}, base_url=BASE)

    assert json.loads(made.body or b"") == {"text": "ab\\u0000 😀 ?"}


@pytest.mark.parametrize("text", ["NaN", "Infinity and beyond", "-Infinity", "C:\\\\u0000", "\x7f", "é\u2028😀"])
def test_text_that_looks_like_what_json_has_not_travels_as_it_is(text: str) -> None:
    made = render(request(post="/p", json={"a": "{a}", "b": [1, 2.5, True, None]}), {"a": text}, base_url=BASE)

    assert made.body == json.dumps({"a": text, "b": [1, 2.5, True, None]}, ensure_ascii=False, separators=(",", ":")).encode()


@given(st.text(st.characters(max_codepoint=0x2FF) | st.sampled_from("%+& =\x00\n\ud800😀"), max_size=12))
@example("".join(map(chr, range(1, 128))))
def test_queries_and_forms_are_quoted_as_the_library_quotes(text: str) -> None:
    told = f"a{text}".replace("\x00", "").encode("utf-8", "replace")
    asked = render(request(get="/p", query={"x y": "{x}"}), {"x": f"a{text}"}, base_url=BASE)
    posted = render(request(post="/p", form={"x y": "{x}"}), {"x": f"a{text}"}, base_url=BASE)

    assert asked.url == f"{BASE.rstrip('/')}/p?x%20y=" + quote(told, safe="!$'()*,/:?@")
    assert posted.body == f"x+y={quote_plus(told)}".encode()


def test_a_files_bytes_stand_in_no_json() -> None:
    with pytest.raises(Rejected, match=r"file\.base64"):
        render(request(post="/p", json={"x": "{x}"}), {"x": PHOTO}, base_url=BASE)


def test_a_number_that_is_none_is_refused_before_it_is_sent() -> None:
    with pytest.raises(Rejected, match="not a number"):
        render(request(post="/p", json={"x": "{x}"}), {"x": float("inf")}, base_url=BASE)


def test_a_list_in_a_query_repeats_its_name_and_truth_is_written_as_in_json() -> None:
    made = render(request(get="/p", query={"id": "{ids}", "open": "{open}"}), {"ids": [1, 2.0], "open": True}, base_url=BASE)

    assert made.url.endswith("?id=1&id=2&open=true")


@pytest.mark.parametrize(
    ("encode", "body"),
    [
        ("json", b"a=1&who=%7B%22name%22%3A%22x%22%2C%22tags%22%3A%5B%22p%22%2C%22q%22%5D%7D&l=%5B%22p%22%5D"),
        ("nested", b"a=1&who%5Bname%5D=x&who%5Btags%5D%5B0%5D=p&who%5Btags%5D%5B1%5D=q&l%5B0%5D=p"),
        ("repeat", b"a=1&who%5Bname%5D=x&who%5Btags%5D%5B0%5D=p&who%5Btags%5D%5B1%5D=q&l=p"),
    ],
)
def test_a_form_writes_objects_as_the_mapping_says(encode: str, body: bytes) -> None:
    made = render(
        request(post="/p", form={"a": "1", "who": "{who}", "l": "{l}"}, encode=encode),
        {"who": {"name": "x", "tags": ["p", "q"]}, "l": ["p"]}, base_url=BASE,
    )  # fmt: skip

    assert made.body == body
    assert made.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_pairs_in_a_query_keep_their_order_and_may_repeat() -> None:
    made = render(request(get="/p", query=[["b", "{x}"], ["a", "2"], ["b", "3"]]), {"x": "1"}, base_url=BASE)

    assert made.url.endswith("?b=1&a=2&b=3")


def test_nul_is_taken_out_at_any_depth() -> None:
    made = render(request(post="/p", json={"x": "{x}"}), {"x": [{"a\x00": ["b\x00", 1, None]}]}, base_url=BASE)

    assert json.loads(made.body or b"") == {"x": [{"a": ["b", 1, None]}]}


def test_a_body_in_parts_has_its_fields_as_text_and_its_file_byte_for_byte() -> None:
    made = render(
        request(post="/files", multipart={"file": "{file.bytes}", "options": {"access": "PRIVATE"}, "person": "{client.id}",
                                          "folder": "{nothing}"}),
        {"file": {"bytes": PHOTO}, "client": {"id": 7}}, base_url=BASE,
    )  # fmt: skip

    kind, _, boundary = made.headers["Content-Type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    line = f"--{boundary}".encode()
    assert made.body == b"\r\n".join([
        line, b'Content-Disposition: form-data; name="file"; filename="photo.png"', b"Content-Type: image/png", b"", PHOTO.data,
        line, b'Content-Disposition: form-data; name="options"', b"", b'{"access":"PRIVATE"}',
        line, b'Content-Disposition: form-data; name="person"', b"", b"7", line + b"--", b"",
    ])  # fmt: skip
    assert boundary.encode() not in PHOTO.data


def test_a_part_may_call_its_file_otherwise_and_a_name_cannot_leave_its_line() -> None:
    part = {"name": "{marker} {file.name}", "content": "{file.bytes}"}
    made = render(
        request(post="/f", multipart={"file": part}),
        {"file": {"bytes": PHOTO, "name": 'a"\r\nX-Evil: 1'}, "marker": "c2c-a"}, base_url=BASE,
    )  # fmt: skip

    assert b'filename="c2c-a a%22%0D%0AX-Evil: 1"\r\nContent-Type: image/png' in (made.body or b"")


def test_the_same_parts_are_the_same_bytes_each_time() -> None:
    asked = request(post="/f", multipart={"file": "{file.bytes}"})

    assert len({render(asked, {"file": {"bytes": PHOTO}}, base_url=BASE).body for _ in range(3)}) == 1


def test_a_file_s_bytes_in_json_are_refused_with_the_remedy() -> None:
    with pytest.raises(Rejected, match=r"`file.base64` can"):
        render(request(post="/f", json={"c": "{file.bytes}"}), {"file": {"bytes": PHOTO}}, base_url=BASE)
