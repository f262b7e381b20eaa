from __future__ import annotations

import base64

import pytest

from bridge.config.passwords import hashed, holds, what_is_wrong_with

GOOD = hashed("correct horse battery")


def test_a_hash_holds_its_password_and_no_other() -> None:
    assert holds("correct horse battery", GOOD)
    assert not holds("correct horse batterz", GOOD)
    assert not holds("", GOOD)
    assert what_is_wrong_with(GOOD) is None


def test_the_same_password_gives_another_hash_each_time_and_does_not_stand_in_it() -> None:
    assert hashed("correct horse battery") != GOOD
    assert "horse" not in GOOD


def test_any_letters_can_stand_in_a_password() -> None:
    for odd in ("пароль с пробелом", "\ud800", "a\x00b", "x" * 10_000):
        assert holds(odd, hashed(odd))


SALT, DIGEST = base64.b64encode(b"s" * 16).decode(), base64.b64encode(b"d" * 32).decode()


@pytest.mark.parametrize("written", [
    "", "plain", "scrypt$", f"scrypt$32767$8$1${SALT}${DIGEST}",  # no power of two
    f"scrypt$1024$8$1${SALT}${DIGEST}",  # too cheap
    f"scrypt$4194304$99$9${SALT}${DIGEST}",  # takes all memory
    f"scrypt$32768$0$1${SALT}${DIGEST}", f"scrypt$32768$8$1$====${DIGEST}", f"scrypt$32768$8$1${'=' * 16}${DIGEST}",
    "$2b$12$abcdefghijklmnopqrstuv",
])  # fmt: skip
def test_what_is_no_hash_holds_nothing_and_says_what_to_do(written: str) -> None:
    assert not holds("x", written)
    wrong = what_is_wrong_with(written)
    assert wrong is not None
    assert "chat2crm password" in wrong
