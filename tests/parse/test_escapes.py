"""Forms are read as Python reads them, and a hostile one without its price."""

from __future__ import annotations

import time
import tracemalloc
from urllib.parse import quote_plus, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.parse.escapes import unescaped

CHARSETS = ("utf-8", "windows-1251", "latin-1", "koi8-r", "ascii", "shift_jis", "gb18030", "utf-16")


@given(st.text("%+aF0 &=_\t\r\nЖПя🙂\x00é", max_size=30), st.sampled_from(CHARSETS))
def test_any_text_is_read_as_python_reads_it(text: str, charset: str) -> None:
    assert unescaped(text, charset) == unquote_plus(text, charset, "replace")


PIECES = ("%3D", "%0d%0A", "%20", "%d0%9F", "=", "_", "\n", "\r\n", " ", "+", "F")


@given(st.lists(st.sampled_from(PIECES)), st.sampled_from(CHARSETS))
def test_escapes_without_a_stray_sign_are_read_as_python_reads_them(pieces: list[str], charset: str) -> None:
    text = "".join(pieces)
    assert unescaped(text, charset) == unquote_plus(text, charset, "replace")


@given(st.text(max_size=30), st.sampled_from(["utf-8", "gb18030"]))
def test_whatever_was_escaped_comes_out_as_it_was(text: str, charset: str) -> None:
    escaped = quote_plus(text.encode(charset, "replace"))
    assert unescaped(escaped, charset) == text.encode(charset, "replace").decode(charset, "replace")


@pytest.mark.parametrize("piece", ["%", "%%41", "%41", "%41a", "%D0%9F", "%D0%9Fa", "%D0", "%zz", "+", "я%41"])
@pytest.mark.parametrize("charset", ["utf-8", "windows-1251"])
def test_two_million_characters_of_one_kind_cost_little(piece: str, charset: str) -> None:
    text = (piece * 2**21)[: 2**21]
    began = time.thread_time()
    unescaped(text, charset)
    assert time.thread_time() - began < 1.0
    tracemalloc.start()
    unescaped(text[: 2**18], charset)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 40 * 2**18
