from __future__ import annotations

import pytest

from bridge.crm.auth.sealing import Seal, Unreadable

CONTENT = {"access": "s3cret", "kept": {"account": "7"}}


def test_what_is_sealed_is_hidden_and_opens_under_the_same_key() -> None:
    sealed = Seal("k" * 40).seal("sales", CONTENT)

    assert b"s3cret" not in sealed
    assert Seal("k" * 40).open("sales", sealed) == CONTENT


def test_the_same_content_never_looks_the_same_twice() -> None:
    seal = Seal("k" * 40)
    assert len({seal.seal("sales", CONTENT) for _ in range(10)}) == 10


def test_another_key_another_name_or_a_changed_bit_opens_nothing() -> None:
    seal = Seal("k" * 40)
    sealed = seal.seal("sales", CONTENT)
    flipped = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for opener, name, blob in (
        (Seal("l" * 40), "sales", sealed), (seal, "retail", sealed), (seal, "sales", flipped),
        (seal, "sales", sealed[:20]), (seal, "sales", b""), (seal, "sales", b"\x02" + sealed[1:]),
    ):  # fmt: skip
        with pytest.raises(Unreadable):
            opener.open(name, blob)
