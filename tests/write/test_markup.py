from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bridge.write.clean import clean_line
from bridge.write.markup import BBCODE, HTML, MARKDOWN, MARKUPS, PLAIN, Span, Style, line

#: what a renderer makes of a text in which nothing is live
DEAD_TOKENS = {"paragraph_open", "paragraph_close", "inline", "text", "softbreak", "hardbreak"}
LIVE = st.lists(st.sampled_from([
    "<b>", "</a>", "<img src=x onerror=y>", "[a](https://e.example)", "![a](x)", "[url=x]", "[/url]", "https://e.example",
    "www.e.example", "a@b.example", "*", "**", "_", "`", "```", "#", "# ", "- ", "1. ", "> ", "+ ", "===", "---", "|", "~~", "\\",
    "&lt;", "&#91;", "<!--", "[^1]", "[x]", " ", "слово", "word", ":", "//", "    ", "1", ")", ".",
    "<https://e.example>", "@anna",
])).map("".join)  # fmt: skip


class Tags(HTMLParser):
    """The tags and the text that a browser sees."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_comment(self, data: str) -> None:
        self.tags.append("comment")

    def handle_data(self, data: str) -> None:
        self.text += data


def shown_by_markdown(source: str) -> tuple[set[str], str]:
    """The kinds of tokens, and the text, with addresses turned into links as far as this renderer can."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(source)
    children = [child for token in tokens for child in token.children or ()]
    text = "".join("\n" if child.type.endswith("break") else child.content for child in children)
    return {token.type for token in tokens} | {child.type for child in children}, text


@given(LIVE)
def test_html_shows_a_text_as_it_was_written_and_makes_nothing_of_it(text: str) -> None:
    seen = Tags(HTML.render(line(text)))
    assert seen.tags == []
    assert seen.text == text


@given(LIVE)
def test_markdown_shows_a_text_as_it_was_written_and_makes_nothing_of_it(text: str) -> None:
    written = clean_line(text)
    kinds, shown = shown_by_markdown(MARKDOWN.join([line("│ " + written), line(written)]))
    assert kinds <= DEAD_TOKENS
    assert shown.split("\n") == [text.rstrip() for text in (f"│ {written}", written) if text]


@given(LIVE)
def test_markdown_gives_no_bare_address_that_renderers_turn_into_links(text: str) -> None:
    assert not re.search(r"(?i)https?://|\bwww\.|(?<!\\)@", MARKDOWN.render(line(text)))


@given(LIVE)
def test_bbcode_has_no_bracket_that_means_anything(text: str) -> None:
    assert not set("[]") & set(BBCODE.render(line(text)))


@pytest.mark.parametrize(("markup", "shown"), [
    ("plain", "https://c.example/1?a=1&b=2"),
    ("html", '<a href="https://c.example/1?a=1&amp;b=2">https://c.example/1?a=1&amp;b=2</a>'),
    ("bbcode", "[url]https://c.example/1?a=1&b=2[/url]"),
    ("markdown", "<https://c.example/1?a=1&b=2>"),
])  # fmt: skip
def test_the_link_to_the_chat_is_live(markup: str, shown: str) -> None:
    assert MARKUPS[markup].render(line("https://c.example/1?a=1&b=2", Style.LINK)) == shown


@pytest.mark.parametrize("address", [
    "javascript:alert(1)", "https://c.example/<b>", "https://c.example/ x", "https://c.example/[/url]", "data:text/html,x",
    "//c.example", 'https://c.example/"onclick="x',
])  # fmt: skip
def test_an_address_that_is_none_is_text(address: str) -> None:
    for markup in (HTML, BBCODE, MARKDOWN):
        link, text = markup.render(line(address, Style.LINK)), markup.render(line(address))
        assert link == text


def test_a_strong_span_is_strong_and_an_empty_one_is_nothing() -> None:
    spans = (Span("a", Style.STRONG), Span("", Style.STRONG), Span(" b"))
    assert [m.render(spans) for m in (PLAIN, HTML, BBCODE, MARKDOWN)] == ["a b", "<b>a</b> b", "[b]a[/b] b", "**a** b"]
    assert "strong_open" in shown_by_markdown(MARKDOWN.render(spans))[0]


@given(st.lists(st.lists(st.tuples(LIVE, st.sampled_from(Style)), max_size=3), max_size=4), st.sampled_from(sorted(MARKUPS)))
def test_lines_are_written_together_as_each_alone(told: list[list[tuple[str, Style]]], name: str) -> None:
    markup, lines = MARKUPS[name], [tuple(Span(text, style) for text, style in spans) for spans in told]
    assert markup.join(lines) == markup.line_break.join([markup.render(each) for each in lines])


@pytest.mark.parametrize("name", sorted(set(MARKUPS) - {"plain"}))
def test_a_sign_of_our_own_in_a_text_makes_nothing_live(name: str) -> None:
    markup = MARKUPS[name]
    meant = (Span("a<b>", Style.STRONG), Span("[c]*d*"), Span("https://c.example/1", Style.LINK))
    forged = tuple(Span(f"\0{text}\0", style) for text, style in meant)
    assert markup.render(forged) == markup.render(meant)


@given(LIVE, LIVE)
def test_markdown_makes_nothing_of_what_two_spans_are_together(one: str, other: str) -> None:
    assert shown_by_markdown(MARKDOWN.render((Span("x"), Span(one), Span(other))))[0] <= DEAD_TOKENS
