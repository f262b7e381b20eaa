"""Markup → plain text."""

import pytest

from bridge.parse.markup import plain_text


@pytest.mark.parametrize(("markup", "written", "text"), [
    ("plain", "  <b>a</b> [i]\n", "<b>a</b> [i]"),
    ("html", "<script>x</script>Tom &amp; Ann<br>two", "Tom & Ann\ntwo"),
    ("bbcode", "[b]bold[/b] [url=https://a.example]here[/url] [17]", "bold here (https://a.example) [17]"),
    ("bbcode", "[level=system-warning exit-visitor]gone[/level]", "gone"),
    ("html", "", ""), ("bbcode", "", ""),
])
def test_what_a_reader_sees_is_left(markup: str, written: str, text: str) -> None:
    assert plain_text(written, markup) == text
