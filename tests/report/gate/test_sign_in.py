from __future__ import annotations

from fakes import FakeClock

from bridge.report.gate.sign_in import (
    FORGIVEN,
    KNOWN_FOR,
    LONGEST_WAIT,
    TRIES,
    TRIES_OF_ALL,
    LockOut,
    Sessions,
    form_token,
    is_form_token,
    is_password,
    session_secret,
)

SECRET = session_secret("k" * 40, "password")


def test_a_password_is_itself_and_nothing_else() -> None:
    assert is_password("пароль", "пароль")
    for other in ("", "парол", "пароль ", "ПАРОЛЬ", "\udcff"):
        assert not is_password(other, "пароль")


def test_the_secret_of_sessions_depends_on_key_and_password_apart() -> None:
    assert len({session_secret("ab", "c"), session_secret("a", "bc"), session_secret("ab", "d"), SECRET}) == 4


def test_a_token_is_one_sessions(clock: FakeClock) -> None:
    sessions = Sessions(clock)
    mine, other = sessions.begin(), sessions.begin()
    assert is_form_token(form_token(mine, SECRET), mine, SECRET)
    assert not is_form_token(form_token(other, SECRET), mine, SECRET)
    assert not is_form_token(form_token(mine, b"x"), mine, SECRET)


def test_a_cookie_says_the_same_session_and_cannot_be_changed(clock: FakeClock) -> None:
    sessions = Sessions(clock)
    session = sessions.begin()
    cookie = sessions.cookie(session, SECRET)
    known = sessions.read(cookie, lambda _: SECRET)
    assert known is not None
    assert known.nonce == session.nonce
    assert sessions.read(cookie, lambda _: b"another") is None
    assert sessions.read(cookie, lambda _: None) is None
    nonce, began, used, signature = cookie.split(".")
    assert sessions.read(f"{nonce}.{began}.{int(used) + 999}.{signature}", lambda _: SECRET) is None


def test_a_cookie_says_whose_people_it_is_of_and_cannot_be_made_anothers(clock: FakeClock) -> None:
    sessions, secrets = Sessions(clock), {None: SECRET, "bakery": b"of the bakery", "florist": b"of the florist"}
    cookie = sessions.cookie(sessions.begin("bakery"), secrets["bakery"])
    known = sessions.read(cookie, secrets.get)
    assert known is not None
    assert (known.site, sessions.renewed(known).site) == ("bakery", "bakery")
    assert sessions.read(cookie.replace("bakery", "florist"), secrets.get) is None
    assert sessions.read(cookie.replace(".bakery", ""), secrets.get) is None
    assert sessions.read(sessions.cookie(sessions.begin("baker"), SECRET), secrets.get) is None


async def test_each_further_wrong_password_doubles_the_wait(clock: FakeClock) -> None:
    lock = LockOut(clock)
    waits = []
    for _ in range(TRIES + 8):
        lock.wrong("a")
        waits.append(lock.wait("a"))
    assert waits[: TRIES + 3] == [0.0] * (TRIES - 1) + [30.0, 60.0, 120.0, 240.0]
    assert waits[-1] == LONGEST_WAIT
    assert lock.wait("b") == 0.0


async def test_wrong_passwords_are_forgotten_in_time_and_by_the_right_one(clock: FakeClock) -> None:
    lock = LockOut(clock)
    for _ in range(TRIES - 1):
        lock.wrong("a")
    lock.right("a")
    lock.wrong("a")
    assert lock.wait("a") == 0.0
    for _ in range(TRIES - 2):
        lock.wrong("a")
    await clock.advance(FORGIVEN + 1)
    lock.wrong("a")
    assert lock.wait("a") == 0.0


def test_guesses_from_everywhere_lock_everybody(clock: FakeClock) -> None:
    lock = LockOut(clock)
    for number in range(TRIES_OF_ALL):
        lock.wrong(f"10.0.{number}.1")
    assert lock.wait("somebody else") > 0


def test_whoever_knows_the_password_is_not_kept_out_by_those_who_guess(clock: FakeClock) -> None:
    lock = LockOut(clock)
    lock.right("198.51.100.7")
    for number in range(TRIES_OF_ALL):
        lock.wrong(f"10.0.{number}.1")
    assert lock.wait("198.51.100.7") == 0.0
    assert lock.wait("127.0.0.1") == lock.wait("::1") == 0.0  # through a tunnel, from anywhere
    for _ in range(TRIES):
        lock.wrong("198.51.100.7")
    assert lock.wait("198.51.100.7") > 0  # its own wrong ones count all the same


async def test_an_address_is_known_for_a_month(clock: FakeClock) -> None:
    lock = LockOut(clock)
    lock.right("198.51.100.7")
    await clock.advance(KNOWN_FOR)
    for number in range(TRIES_OF_ALL):
        lock.wrong(f"10.0.{number}.1")
    assert lock.wait("198.51.100.7") > 0


def test_one_machines_many_addresses_of_version_6_count_as_one(clock: FakeClock) -> None:
    lock = LockOut(clock)
    for number in range(TRIES):
        lock.wrong(f"2001:db8:1:2::{number}")
    assert lock.wait("2001:db8:1:2::ffff") > 0
    assert lock.wait("2001:db8:1:3::1") == 0.0
