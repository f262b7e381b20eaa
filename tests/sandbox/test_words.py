from __future__ import annotations

from pathlib import Path

from bridge.sandbox.entities import CLIENT, NOTE
from bridge.sandbox.finding import find
from bridge.sandbox.records import Records
from bridge.sandbox.speech import filled_form


def search(records: Records, text: str) -> list[int]:
    return [row["id"] for row in find(records, NOTE, {"q": [text]})]


def note(records: Records, text: str) -> int:
    return int(records.create(NOTE, filled_form(NOTE, {"client_id": 1, "text": text}))["id"])


def test_the_index_catches_up_over_a_restart_and_after_changes(tmp_path: Path) -> None:
    first = Records(tmp_path / "crm.db")
    first.create(CLIENT, filled_form(CLIENT, {"name": "A"}))
    alpha, beta = note(first, "alpha"), note(first, "beta")
    assert search(first, "ALPHA") == [alpha]
    gamma = note(first, "gamma alpha")
    first.update(NOTE, beta, {"text": "delta"})
    first.update(NOTE, gamma, {"text": "gamma epsilon"})
    first.close()
    second = Records(tmp_path / "crm.db")
    assert search(second, "alpha") == [alpha]
    assert search(second, "beta") == []
    assert (search(second, "delta"), search(second, "epsilon")) == ([beta], [gamma])
    assert search(second, "epsilon") == [gamma]
    second.close()
