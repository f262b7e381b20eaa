"""Functions over text."""

from __future__ import annotations

import base64 as base64lib
import codecs
import hashlib
import html
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from bridge.mapping.functions.standard import plain
from bridge.mapping.functions.table import FunctionProblem, function, number_text

#: hostile texts are cut here before they are worked on
LONGEST = 1_000_000


def _piece(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    if isinstance(value, str):
        return value
    raise FunctionProblem("it joins texts and numbers; for lists there is join()")


@function("nullable*")
def concat(*parts: Any) -> str | None:
    """The parts in one text; null if any of them is null or '' (so that 'https:' + nothing is no address)."""
    if any(part is None for part in parts):
        return None
    texts = [_piece(part) for part in parts]
    return "".join(texts) if all(texts) else None


@function("text", "text", "text")
def replace(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


@function("text", "text", "number?")
def split(text: str, separator: str, most: float | None = None) -> list[str]:
    """The parts between separators; with a third argument at most so many parts."""
    if not separator:
        raise FunctionProblem("the separator is empty")
    return text.split(separator, -1 if most is None else max(int(most) - 1, 0))


@function("text")
def lines(text: str) -> list[str]:
    """The lines that are not blank, without blanks around them."""
    return [line for part in text.splitlines() if (line := part.strip())]


@function("text")
def lower(text: str) -> str:
    return text.lower()


@function("text")
def upper(text: str) -> str:
    return text.upper()


@function("text")
def trim(text: str) -> str | None:
    """Without blanks around it; nothing left is null."""
    return text.strip() or None


@function("text")
def base64(text: str) -> str:
    return base64lib.b64encode(text.encode("utf-8", "replace")).decode("ascii")


# -- charsets ----------------------------------------------------------------------------------------------------------

#: signs of notes that older charsets lack → what is nearest to them there
_PLAINER: Mapping[str, str] = {
    "●": "•", "○": "-", "→": "->", "←": "<-", "◇": "*", "│": "|", "−": "-", "₽": "руб.", "✓": "+", "\u202f": " ",
}  # fmt: skip


@function("any", "text")
def encodable(value: Any, charset: str) -> Any:
    """A text, or each text in a list, with nothing in it that the charset lacks; all else as it is.

    A CRM that keeps text in an old charset refuses the whole note for one emoji in it, or keeps `?`.
    """
    try:
        codec = codecs.lookup(charset)
    except LookupError:
        raise FunctionProblem("there is no charset of that name; say utf-8, windows-1251 …") from None
    if isinstance(value, list):
        return [_encodable(one, codec.encode) if isinstance(one, str) else one for one in value]
    return _encodable(value, codec.encode) if isinstance(value, str) else value


def _encodable(text: str, encode: Callable[[str], object]) -> str:
    if _can(text, encode):
        return text
    plainer = text
    for sign, nearest in _PLAINER.items():
        if sign in plainer:
            plainer = plainer.replace(sign, nearest)
    if _can(plainer, encode):  # nearly every note: what it lacks are the signs before its lines
        return plainer
    lacking = {ord(sign): _in_words(sign, encode) for sign in set(plainer) if not _can(sign, encode)}
    return plainer.translate(lacking)


def _can(text: str, encode: Callable[[str], object]) -> bool:
    try:
        encode(text)
    except UnicodeError:
        return False
    return True


def _in_words(sign: str, encode: Callable[[str], object]) -> str:
    if unicodedata.category(sign) in ("Mn", "Me", "Cf", "Sk", "Cs"):  # what only changes its neighbour, and halves of signs
        return ""
    letters = "".join(part for part in unicodedata.normalize("NFKD", sign) if _can(part, encode))
    name = unicodedata.name(sign, "").lower()
    return letters or (f"[{name}]" if name and _can(name, encode) else "?")


_in_order = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=plain).encode


@function("any")
def sha256(value: Any) -> str:
    """The hash in hex: of a text's bytes, or of any other value's JSON with its keys in order."""
    text = value if isinstance(value, str) else _in_order(value)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@function("text")
def url_params(url: str) -> dict[str, str]:
    """The parameters of an address, or of a query by itself, decoded; the first of several with one name."""
    try:
        bare = "=" in url and "/" not in url.partition("=")[0]
        query = urlsplit(url).query if "?" in url else url if bare else ""
        pairs = parse_qsl(query.partition("#")[0], keep_blank_values=True, max_num_fields=500)
    except ValueError:
        raise FunctionProblem("the text is no address") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


# -- markup ------------------------------------------------------------------------------------------------------------

_BREAKS = frozenset({"br", "p", "div", "li", "tr", "ul", "ol", "table", "blockquote", "hr", "h1", "h2", "h3", "h4", "h5"})
_UNSEEN = frozenset({"script", "style", "head", "title", "template", "noscript"})
# Possessive, and each part ends where the next < begins: a page of nothing but < is read once, not once for each of them.
_MARKUP = re.compile(r"<!--|<[!?][^<>]*+>|<(?P<end>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9]*+)(?P<attributes>[^<>]*+)>")
_ADDRESS = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)


class _Reader:
    """What a reader sees of HTML, gathered piece by piece. (The standard library's parser takes minutes on hostile text.)"""

    def __init__(self) -> None:
        self.parts: list[str] = []
        #: the open link: its address, and where its text begins
        self.link: tuple[str, int] | None = None

    def read(self, text: str) -> str:
        place = 0
        while found := _MARKUP.search(text, place):
            self.text(text[place : found.start()])
            tag = (found["tag"] or "").lower()
            place = found.end()
            if found[0] == "<!--" or (tag in _UNSEEN and not found["end"]):
                place = _past(text, f"</{tag}[^<>]*+>" if tag else "-->", place)
            elif tag == "a":
                self.anchor(found["attributes"], closing=bool(found["end"]))
            elif tag in _BREAKS:
                self.parts.append("\n")
        self.text(text[place:])
        return "".join(self.parts)

    def text(self, data: str) -> None:
        if data:
            self.parts.append(re.sub(r"[ \t\r\n\f]+", " ", html.unescape(data)))

    def anchor(self, attributes: str, *, closing: bool) -> None:
        if closing and self.link is not None:
            address, start = self.link
            target = address.removeprefix("mailto:").removeprefix("tel:")
            if target and target not in "".join(self.parts[start:]):
                self.parts.append(f" ({target})")
        named = None if closing else _ADDRESS.search(attributes)
        self.link = (html.unescape(named[1] or named[2] or named[3] or ""), len(self.parts)) if named else None


def _past(text: str, end: str, place: int) -> int:
    """The place behind the end of what is not seen; without an end, the rest is not seen."""
    found = re.compile(end, re.IGNORECASE).search(text, place)
    return found.end() if found else len(text)


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in text.split("\n"))).strip()


@function("text")
def strip_html(text: str) -> str:
    """HTML as plain text: line breaks where a reader sees them, entities as letters, a link's address behind its text."""
    if "<" not in text and "&" not in text:
        return text
    return _tidy(_Reader().read(text[:LONGEST]))


_LINK = re.compile(r"\[(url|email|link)=([^\]\r\n]{1,2000})\]((?:[^\[]|\[(?!/?\1)){0,4000})\[/\1\]", re.IGNORECASE)
_TAG = re.compile(
    r"\[/?(?:b|i|u|s|br|p|url|email|link|img|image|file|quote|code|list|li|color|size|font|center|left|right|fs\d*|sub|sup|"
    r"strike|youtube|user|level|html|plain|loc|paypal|button_action|survey|\*)(?:=[^\]\r\n]{0,500}|\s[^\]\r\n]{0,500})?\]",
    re.IGNORECASE,
)


def _linked(found: re.Match[str]) -> str:
    address, text = found[2].strip("\"' "), found[3]
    return text if not address or address in text else f"{text} ({address})"


@function("text")
def unbbcode(text: str) -> str:
    """BBCode as plain text: known tags are taken out, a link's address stands behind its text; `[17]` and the like stay."""
    if "[" not in text:
        return text
    text = _LINK.sub(_linked, text[:LONGEST])
    text = re.sub(r"\[br\s*/?\]", "\n", text, flags=re.IGNORECASE)
    return _TAG.sub("", text).strip()


# -- escaping ----------------------------------------------------------------------------------------------------------


def _backslashed(characters: str) -> Callable[[str], str]:
    pattern = re.compile("[" + re.escape(characters) + "]")
    return lambda text: pattern.sub(lambda found: "\\" + found[0], text)


_quoted = _backslashed("\\'\"")
ESCAPES: Mapping[str, Callable[[str], str]] = {
    "html": lambda text: html.escape(text, quote=True),
    "url": lambda text: quote(text.encode("utf-8", "replace"), safe=""),
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    # text between quotes in a query, where a backslash takes the next character's meaning
    "quoted": lambda text: _quoted(text).replace("\n", "\\n").replace("\r", "\\r"),
    # text between single quotes, where a quote is written twice
    "doubled": lambda text: text.replace("'", "''"),
    # words of a full-text search
    "search": _backslashed("\\?&|!{}[]()^~*:\"'+-"),
    # a pattern with % and _
    "like": _backslashed("\\%_"),
    "markdown": _backslashed("\\`*_{}[]()<>#+-.!|~"),
}
"""Kinds of escaping by the rule they follow, not by whose it is."""


@function("text", "text")
def escape(text: str, kind: str) -> str:
    """The text made harmless in html, url, json, quoted, doubled, search, like, markdown."""
    rule = ESCAPES.get(kind)
    if rule is None:
        raise FunctionProblem(f"there is no escaping {kind!r}; there are: {', '.join(ESCAPES)}")
    return rule(text)


# -- names -------------------------------------------------------------------------------------------------------------


@function("text")
def first_name(name: str) -> str | None:
    """The first word of a name."""
    words = name.split()
    return words[0] if words else None


@function("text")
def last_name(name: str) -> str | None:
    """What follows the first word of a name; null if it is one word."""
    return " ".join(name.split()[1:]) or None
