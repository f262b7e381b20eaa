"""Lines of a note, and how each markup writes them.

A line is made of spans; a span is text with a style. Every text is escaped, ours and theirs alike, so nothing that a visitor
wrote is live in any markup: no tag, no link with another text than its address, no picture, no mention, no list or heading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from html import escape as escape_html
from typing import NamedTuple

_WEB_ADDRESS = re.compile(r"https?://[^\s<>\"'`|\\\[\]{}]+")
_MARKDOWN = re.compile(r"[\\`*_\[\]<>&~|@#]")
_WWW = re.compile(r"\b(www)\.", re.IGNORECASE)
#: what a line that means something to Markdown may begin with, besides digits and blanks
_MARKDOWN_STARTS = "-+=.)"
_MARKDOWN_START = re.compile(r"(\s*)(\d{0,9})(?=([-+=.)])?)")
_BRACKETS = str.maketrans("[]", "［］")


class Style(StrEnum):
    NORMAL = "normal"
    STRONG = "strong"
    #: an address from the provider or from ours; live only where it is a plain web address
    LINK = "link"


class Span(NamedTuple):
    text: str
    style: Style = Style.NORMAL


Line = tuple[Span, ...]


def line(text: str, style: Style = Style.NORMAL) -> Line:
    return (Span(text, style),)


@dataclass(frozen=True, slots=True)
class Markup:
    """One way of writing."""

    #: between two lines
    line_break: str
    escape: Callable[[str], str]
    strong: tuple[str, str]
    #: an address that was found to be harmless → a live link
    link: Callable[[str], str]

    def render(self, line: Line) -> str:
        return "".join([self.escape(span[0]) if span[1] is Style.NORMAL else self._styled(span) for span in line])

    def join(self, lines: list[Line]) -> str:
        return self.line_break.join([self.render(line) for line in lines])

    def _styled(self, span: Span) -> str:
        if not span.text:
            return ""
        if span.style is Style.LINK and _WEB_ADDRESS.fullmatch(span.text):
            return self.link(span.text)
        text = self.escape(span.text)
        return f"{self.strong[0]}{text}{self.strong[1]}" if span.style is Style.STRONG else text


@dataclass(frozen=True, slots=True)
class PlainMarkup(Markup):
    """Nothing is escaped, and no style is shown."""

    def render(self, line: Line) -> str:
        return "".join([span[0] for span in line])


@dataclass(frozen=True, slots=True)
class MarkdownMarkup(Markup):
    """Markdown alone gives meaning to the beginning of a line."""

    def render(self, line: Line) -> str:
        # A slot-made class is a new one, which `super()` without arguments does not know.
        text = Markup.render(self, line)
        first = text[:1]
        if not (first in _MARKDOWN_STARTS or first.isdecimal() or first.isspace()):
            return text
        begins = _MARKDOWN_START.match(text)
        if begins is None:
            return text
        # Four blanks would make it code; ones that do not break are only blanks.
        return "\xa0" * len(begins[1]) + begins[2] + ("\\" if begins[3] else "") + text[begins.end(2) :]


def _html_link(address: str) -> str:
    safe = escape_html(address)
    return f'<a href="{safe}">{safe}</a>'


def _in_wide_brackets(text: str) -> str:
    return text.translate(_BRACKETS) if "[" in text or "]" in text else text


def _as_is(text: str) -> str:
    return text


def _escaped(sign: re.Match[str]) -> str:
    return "\\" + sign[0]


def _in_markdown(text: str) -> str:
    """A colon means something in an address alone, a full stop behind www."""
    text = _MARKDOWN.sub(_escaped, text)
    if "://" in text:
        text = text.replace("://", "\\://")
    return _WWW.sub(r"\1\\.", text) if "www." in text.lower() else text


PLAIN = PlainMarkup("\n", _as_is, ("", ""), _as_is)
HTML = Markup("<br>", escape_html, ("<b>", "</b>"), _html_link)
# BBCode has no escape that every CRM knows; wide brackets look the same and mean nothing.
BBCODE = Markup("\n", _in_wide_brackets, ("[b]", "[/b]"), lambda address: f"[url]{address}[/url]")
MARKDOWN = MarkdownMarkup(
    "  \n", _in_markdown, ("**", "**"), lambda address: f"<{address}>",
)

MARKUPS: Mapping[str, Markup] = {"plain": PLAIN, "html": HTML, "bbcode": BBCODE, "markdown": MARKDOWN}
