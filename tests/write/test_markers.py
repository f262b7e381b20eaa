from __future__ import annotations

import hmac
import json
from base64 import b32encode

from hypothesis import given
from hypothesis import strategies as st

from bridge.model import OperationKind
from bridge.write import FIND, MarkerKeys, strip_lookalikes

KEY = b"0123456789abcdef0123456789abcdef"


def markers(chat_id: str = "c1", *, key: bytes = KEY, target: str = "sales", source: str = "shop") -> MarkerKeys:
    return MarkerKeys(key, target, source, chat_id)


def test_a_marker_is_c2c_and_16_characters_of_base32() -> None:
    assert FIND.fullmatch(markers().chat)
    assert FIND.fullmatch(markers().operation(OperationKind.NOTE, ["k"], 1, 1))
    assert markers().chat == markers().chat.lower()


def test_the_same_key_makes_the_same_markers_for_ever() -> None:
    # Notes in customers' CRMs bear them: this value may never change.
    assert markers().chat == "c2c-uha5hgwykxibgdfc"
    assert markers().operation(OperationKind.NOTE, ["a", "b"], 2, 1) == "c2c-puffon4s4afm2756"


@given(
    st.text(st.characters(categories=["L", "N", "P", "Cc", "Cs", "So"]), max_size=20),
    st.lists(st.text('0123456789abcdef\x7f/<&"\\\n\x1f', max_size=8), max_size=3),
)
def test_a_marker_rests_on_ascii_json_whatever_writes_it(chat_id: str, keys: list[str]) -> None:
    """Also of halves of surrogate pairs, of letters beyond ASCII, and of what JSON may write in more ways than one."""

    def marker(*parts: object) -> str:
        told = json.dumps(parts, separators=(",", ":")).encode("ascii")
        return "c2c-" + b32encode(hmac.digest(KEY, told, "sha256")[:10]).decode().lower()

    chat = marker("chat", "sales", "shop", chat_id)
    assert markers(chat_id).chat == chat
    assert markers(chat_id).operation("note", keys, 2, 1) == marker("operation", chat, "note", keys, 2, 1)


def test_everything_that_a_marker_rests_on_changes_it() -> None:
    chats = {
        markers().chat, markers("c2").chat, markers(key=b"x" * 32).chat, markers(target="t").chat, markers(source="s").chat,
    }  # fmt: skip
    assert len(chats) == 5
    made = {
        markers(chat).operation(kind, keys, part, generation)
        for chat in ("c1", "c2") for kind in (OperationKind.NOTE, OperationKind.DEAL)
        for keys in ((), ("a",), ("a", "b"), ("ab",)) for part in (1, 2) for generation in (1, 2)
    }  # fmt: skip
    assert len(made) == 2 * 2 * 4 * 2 * 2


def test_neighbouring_names_do_not_run_together() -> None:
    assert markers("1", target="a", source="b:c").chat != markers("1", target="a:b", source="c").chat


def test_lookalikes_lose_their_hyphen_whatever_hyphen_it_is() -> None:
    for hyphen in "-‐‑‒–—−﹣－":
        assert strip_lookalikes(f"see C2c{hyphen}aaaaaaaaaaaaaaaa!") == "see C2c aaaaaaaaaaaaaaaa!"
    assert strip_lookalikes("c2c--c2c-aaaaaaaaaaaaaaaa") == "c2c c2c aaaaaaaaaaaaaaaa"
    assert strip_lookalikes("our c2c business") == "our c2c business"


@given(st.text(st.sampled_from("c2C-–ab ")), st.text(st.sampled_from("abcdefgh2345-")))
def test_nothing_that_looks_like_a_marker_is_left(before: str, after: str) -> None:
    assert not FIND.search(strip_lookalikes(f"{before}c2c-{after}aaaaaaaaaaaaaaaa"))
