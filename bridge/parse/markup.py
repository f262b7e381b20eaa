"""A message's text as it was written on the wire → plain text, by the mapping's word for its markup."""

from __future__ import annotations

from collections.abc import Callable

from bridge.mapping.functions.texts import strip_html, unbbcode


def _as_it_is(text: str) -> str:
    return text


PLAIN: dict[str, Callable[[str], str | None]] = {"plain": _as_it_is, "html": strip_html, "bbcode": unbbcode}


def plain_text(text: str, markup: str) -> str:
    """Without tags, line breaks kept, and no blanks around it."""
    return (PLAIN[markup](text) or "").strip()
