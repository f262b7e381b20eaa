from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.functions.texts import ESCAPES
from bridge.mapping.language.expressions import Expression, Findings

WORDS = st.text(st.characters(codec="utf-8"), max_size=30)


def run(source: str, **scope: Any) -> Any:
    return Expression(source)(scope)


def test_concat_is_null_if_any_part_is_empty() -> None:
    assert run("concat('https:', a)", a="//x") == "https://x"
    assert run("concat('https:', a)", a="") is None
    assert run("concat('https:', a)") is None
    assert run("concat('offline-', a, `true`)", a=17) == "offline-17true"
    assert run("concat('x', a)", a=[]) is None


def test_text_is_replaced_and_taken_apart() -> None:
    assert run("replace(a, '', 'x')", a="ab") == "ab"
    assert run("split(a, ', ')", a="a, b, c") == ["a", "b", "c"]
    assert run("split(a, ',', `1`)", a="a,b") == ["a,b"]
    assert run("split(a, '')", a="ab") is None
    assert run("lines(a)", a=" x \r\n\n y\u2028z ") == ["x", "y", "z"]
    assert run("trim(a)", a="  ") is None
    assert [run("upper(a)", a="ё"), run("lower(a)", a="Ё")] == ["Ё", "ё"]


def test_what_a_charset_lacks_is_put_plainer_or_in_words() -> None:
    assert run("encodable(a, 'windows-1251')", a="Ёж № 5 – «да» …") == "Ёж № 5 – «да» …"
    assert run("encodable(a, 'windows-1251')", a="● Ann ○ Zoé → 5 ₽ ［x］") == "• Ann - Zoe -> 5 руб. [x]"
    assert run("encodable(a, 'windows-1251')", a="ok 👍🏽❤️\u200d 漢\ud800") == (
        "ok [thumbs up sign][heavy black heart] [cjk unified ideograph-6f22]"
    )
    assert run("encodable(a, 'ascii')", a="да") == "[cyrillic small letter de][cyrillic small letter a]"
    assert run("encodable(a, 'windows-1251')", a=["😀", 5, None, True]) == ["[grinning face]", 5, None, True]
    assert run("encodable(a, 'windows-1251')", a={"b": "😀"}) == {"b": "😀"}
    assert run("encodable(a, 'utf-8')", a=["😀", None]) == ["😀", None]


def test_a_charset_that_is_none_gives_nothing_and_says_so() -> None:
    findings = Findings()
    assert Expression("encodable(a, 'win-1251')")({"a": "x"}, findings) is None
    assert "there is no charset of that name" in "; ".join(findings)


@given(text=WORDS, charset=st.sampled_from(["ascii", "windows-1251", "koi8-r", "iso-8859-1"]))
def test_what_is_made_encodable_can_be_encoded(text: str, charset: str) -> None:
    run("encodable(a, c)", a=text, c=charset).encode(charset)


def test_sha256_of_a_value_does_not_hang_on_the_order_of_its_keys() -> None:
    assert run("sha256(a)", a={"x": 1, "y": [2]}) == run("sha256(a)", a={"y": [2], "x": 1})
    assert run("sha256(a)", a=["x"]) != run("sha256(a)", a=["y"])
    assert run("sha256(a)", a="\ud83d") is not None
    assert run("sha256(a)") is None


@given(st.dictionaries(st.text("abcd_ ё&=+", min_size=1, max_size=5), WORDS, max_size=4))
def test_url_params_gives_back_what_was_put_in(params: dict[str, str]) -> None:
    assert run("url_params(a)", a="https://shop.example/a?" + urlencode(params) + "#part") == params


@pytest.mark.parametrize(
    ("address", "params"),
    [
        ("//shop.example/item/42?utm_source=ya&utm_source=g", {"utm_source": "ya"}),
        ("a=1&b=%20", {"a": "1", "b": " "}),
        ("https://shop.example/a=b", {}),
        ("no address", {}),
        ("?x=1", {"x": "1"}),
        ("https://[::1?x=1", None),
    ],
)
def test_url_params_of_addresses_as_providers_send_them(address: str, params: dict[str, str]) -> None:
    assert run("url_params(a)", a=address) == params


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain", "plain"),
        ("<p>Здравствуйте!</p><p>Звоните: <b>+7&nbsp;916</b></p>", "Здравствуйте!\n\nЗвоните: +7\xa0916"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("<script>alert(1)</script><style>x</style>text", "text"),
        ('<a href="https://x.example/p">here</a>', "here (https://x.example/p)"),
        ('<a href="mailto:a@b.ru">a@b.ru</a>', "a@b.ru"),
        ("<ul><li>one</li><li>two</li></ul>", "one\n\ntwo"),
        ("a\n  b", "a\n  b"),
        ("<b>a\n  b</b>", "a b"),
        ("2 < 3 and 4 > 3", "2 < 3 and 4 > 3"),
        ("a<!-- <b>x</b> -->b", "ab"),
        ("a<!-- never closed", "a"),
        ("<SCRIPT type='x'>var a = '<b>';</SCRIPT >b<!DOCTYPE html>", "b"),
        ("<a name=x>a</a> <a href=https://x.example/?a=1&amp;b=2>b</a>", "a b (https://x.example/?a=1&b=2)"),
        ("<img src=x onerror=alert(1)>pic", "pic"),
    ],
)
def test_html_becomes_what_a_reader_sees(html: str, text: str) -> None:
    assert run("strip_html(a)", a=html) == text


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("[b]a[/b] [i]b[/i]", "a b"),
        ("[url=https://x.example]here[/url]", "here (https://x.example)"),
        ("[url]https://x.example[/url]", "https://x.example"),
        ("[img]https://x.example/a.png[/img]", "https://x.example/a.png"),
        ("[level=system-warning bold]text[/level]", "text"),
        ("array[17] and [unknown]", "array[17] and [unknown]"),
        ("a[br]b", "a\nb"),
        ("plain", "plain"),
    ],
)
def test_bbcode_becomes_what_a_reader_sees(code: str, text: str) -> None:
    assert run("unbbcode(a)", a=code) == text


@pytest.mark.parametrize(
    "hostile",
    [
        "<" * 200_000,
        "<a " * 100_000,
        "<a href='x'>" * 50_000,
        "[url=x]" * 50_000,
        "[url=" + "x" * 200_000,
        "&" * 200_000,
        "[b" * 100_000,
        "<!--" * 50_000,
    ],
)
def test_hostile_markup_takes_no_time(hostile: str) -> None:
    began = time.process_time()
    run("strip_html(a)", a=hostile)
    run("unbbcode(a)", a=hostile)
    assert time.process_time() - began < 5


@given(WORDS)
def test_escaped_text_reads_back_as_it_was(text: str) -> None:
    assert json.loads('"' + run("escape(a, 'json')", a=text) + '"') == text
    assert unquote(run("escape(a, 'url')", a=text)) == text
    assert run("escape(a, 'doubled')", a=text).replace("''", "'") == text
    assert "<" not in run("escape(a, 'html')", a=text)


@pytest.mark.parametrize(
    ("kind", "text", "escaped"),
    [
        ("quoted", 'O\'Neil \\ "x"\n', 'O\\\'Neil \\\\ \\"x\\"\\n'),
        ("search", "+7 (916) a-b?", "\\+7 \\(916\\) a\\-b\\?"),
        ("like", "100%_\\", "100\\%\\_\\\\"),
        ("markdown", "*a* [b](c)", "\\*a\\* \\[b\\]\\(c\\)"),
        ("doubled", "O'Neil", "O''Neil"),
    ],
)
def test_escaping_by_rule(kind: str, text: str, escaped: str) -> None:
    assert run("escape(a, k)", a=text, k=kind) == escaped


def test_an_unknown_escaping_lists_the_known_ones() -> None:
    findings = Findings()
    assert Expression("escape(a, 'xml')")({"a": "x"}, findings) is None
    assert ", ".join(ESCAPES) in findings[0]


def test_names_are_taken_apart_at_the_first_blank() -> None:
    assert [run("first_name(a)", a="  Анна   Петрова Сергеевна "), run("last_name(a)", a="  Анна   Петрова Сергеевна ")] == [
        "Анна",
        "Петрова Сергеевна",
    ]
    assert [run("first_name(a)", a=" "), run("last_name(a)", a="Анна")] == [None, None]
