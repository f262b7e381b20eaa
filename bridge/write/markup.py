"""Lines of a note, and how each markup writes them.

A line is made of spans; a span is text with a style. Every text is escaped, ours and theirs alike, so nothing that a visitor
wrote is live in any markup: no tag, no link with another text than its address, no picture, no mention, no list or heading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape as escape_html
from itertools import chain, product
from typing import NamedTuple

_WEB_ADDRESS = re.compile(r"https?://[^\s\x00<>\"'`|\\\[\]{}]+")
#: what means something to Markdown (a colon in an address alone, a full stop behind www), and how it is written; the
#: backslash first, with which the others are escaped
_MARKDOWN: Mapping[str, str] = {sign: "\\" + sign for sign in ("\\", *"`*_[]<>&~|@#", "://")} | {
    f"{www}.": f"{www}\\." for www in map("".join, product("wW", repeat=3))
}
#: a line that means something to Markdown begins with such a sign, behind blanks and the number of a list; four blanks make code
_MARKDOWN_SIGN = re.compile(r"\n([^\S\n]*\d{0,9})(?=[-+=.)])")
_MARKDOWN_BLANKS = re.compile(r"\n([^\S\n]+)")
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
        return self.join((line,))

    def join(self, lines: Sequence[Line]) -> str:
        # Escaped in one go, in half to two thirds of the time that span by span takes; a NUL stands for what is not escaped.
        live: list[str] = []
        raw = "\n".join([
            "".join([span[0] if span[1] is Style.NORMAL else self._styled(span, live) for span in line]) for line in lines
        ])  # fmt: skip
        pieces = self.escape(raw).replace("\n", self.line_break).split("\0")
        if len(pieces) != len(live) + 1:
            return self.join([tuple([Span(span.text.replace("\0", ""), span.style) for span in line]) for line in lines])
        return "".join(chain.from_iterable(zip(pieces, (*live, ""), strict=True)))

    def _styled(self, span: Span, live: list[str]) -> str:
        text = span.text
        if span.style is Style.LINK and _WEB_ADDRESS.fullmatch(text):
            live.append(self.link(text))
            return "\0"
        if span.style is Style.STRONG and text:
            live += self.strong
            return f"\0{text}\0"
        return text


@dataclass(frozen=True, slots=True)
class PlainMarkup(Markup):
    """Nothing is escaped, and no style is shown."""

    def join(self, lines: Sequence[Line]) -> str:
        return self.line_break.join(["".join([span[0] for span in line]) for line in lines])


def _html_link(address: str) -> str:
    safe = escape_html(address)
    return f'<a href="{safe}">{safe}</a>'


def _in_wide_brackets(text: str) -> str:
    return text.translate(_BRACKETS) if "[" in text or "]" in text else text


def _as_is(text: str) -> str:
    return text


def _in_markdown(text: str) -> str:
    for sign, written in _MARKDOWN.items():
        if sign in text:
            text = text.replace(sign, written)
    text = _MARKDOWN_SIGN.sub(r"\n\1\\", "\n" + text)
    return _MARKDOWN_BLANKS.sub(_unbroken, text)[1:]


def _unbroken(blanks: re.Match[str]) -> str:
    return "\n" + "\xa0" * len(blanks[1])


PLAIN = PlainMarkup("\n", _as_is, ("", ""), _as_is)
HTML = Markup("<br>", escape_html, ("<b>", "</b>"), _html_link)
# BBCode has no escape that every CRM knows; wide brackets look the same and mean nothing.
BBCODE = Markup("\n", _in_wide_brackets, ("[b]", "[/b]"), lambda address: f"[url]{address}[/url]")
MARKDOWN = Markup("  \n", _in_markdown, ("**", "**"), lambda address: f"<{address}>")

MARKUPS: Mapping[str, Markup] = {"plain": PLAIN, "html": HTML, "bbcode": BBCODE, "markdown": MARKDOWN}
