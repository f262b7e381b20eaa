from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from place import SECRET, SIGNING, Place
from standing import standing

from bridge.cli.addresses import source_named
from bridge.cli.samples.listening import listen
from bridge.cli.samples.sampling import Sampler
from bridge.errors import NotUnderstood
from bridge.mapping.samples import read_sample
from bridge.model import Delivery
from bridge.parse.trial import differences
from bridge.store import Store

CHAT: dict[str, Any] = {
    "event_name": "chat_finished", "widget_id": "3948", "chat_id": 77, "user_token": SECRET,
    "visitor": {"name": "Мария Соколова", "number": "91", "phone": "+79161234567", "email": "masha.s@gmail.com"},
    "agents": [{"id": "1", "name": "Олег Ким", "email": "oleg@roga.ru", "phone": "+74951234567"}],
    "chat": {"messages": [
        {"type": "visitor", "message": "Это Мария, 8 (916) 123-45-67", "timestamp": 1795000000},
        {"type": "agent", "agent_id": 1, "message": "Мария, это Олег, 8 495 123-45-67", "timestamp": 1795000010},
    ]},
}  # fmt: skip
PERSONAL = ("Мари", "Соколов", "Олег", "Ким", "9161234567", "916", "495", "masha", "roga", SECRET, SIGNING)


def delivery(body: Any, source: str = "shop", **more: Any) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return Delivery(source=source, dedupe_key=str(hash(raw)), received_at=datetime(2026, 11, 21, 9, tzinfo=UTC), body=raw, **more)


def stored(place: Place, *deliveries: Delivery) -> None:
    async def make(store: Store) -> None:
        for one in deliveries:
            await store.accept(one)

    place.on_store(make)


def test_what_has_come_in_becomes_a_sample_that_passes_and_names_nobody(place: Place) -> None:
    stored(place, delivery(CHAT, headers={"content-type": "application/json", "x-real-ip": "77.88.55.60"}))
    done = place.run("capture", "shop", "--last", "--out", str(place.folder / "out"))
    assert done.exit_code == 0, done.output
    path = place.folder / "out" / "chat_finished.captured.http"
    text = path.read_text(encoding="utf-8") + path.with_name("chat_finished.captured.expected.json").read_text(encoding="utf-8")
    assert [word for word in PERSONAL if word in text] == []
    assert "77.88.55.60" not in text
    sample = read_sample(path)
    assert sample.expected is not None
    assert (sample.expected.origin, sample.expected.outcome, sample.expected.authentic) == ("captured", "events", True)
    place_source = source_of(place, "shop")
    assert differences(sample, place_source.mapping) == []
    chat = sample.expected.events[0]["chat"]
    assert chat["visitor"]["phones"] == ["+79000000001"]
    assert "8 (900) 000-00-01" in chat["messages"][0]["text"]
    assert "Read each file before you show it" in done.stdout


def source_of(place: Place, name: str) -> Any:
    import os
    from unittest import mock

    from bridge.cli.beside import settings_of

    place.write()
    with mock.patch.dict(os.environ, place.environ):
        return source_named(settings_of(place.path), name)


def test_a_signed_delivery_is_signed_anew_so_that_the_sample_is_authentic(place: Place) -> None:
    body = {"type": "chat.finished", "data": {"id": "1", "messages": [{"from": "visitor", "text": "+1 202 555 0143"}]}}
    sampler = Sampler(source_of(place, "own"), place.folder / "out")
    path = sampler.keep(delivery(body, "own", headers={"webhook-id": "msg_1", "webhook-signature": "v1,abc"}))
    sample = read_sample(path)
    assert sample.expected is not None
    assert sample.expected.authentic
    assert sample.headers["webhook-signature"] != "v1,abc"


def test_samples_of_one_run_do_not_overwrite_one_another(place: Place) -> None:
    sampler = Sampler(source_of(place, "shop"), place.folder / "out")
    paths = [sampler.keep(delivery({**CHAT, "chat_id": number})).name for number in range(3)]
    assert paths == ["chat_finished.captured.http", "chat_finished.captured2.http", "chat_finished.captured3.http"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"event_name": ', "cannot be read"),
        ({**CHAT, "visitor": {"name": "Chat Finished"}}, "called like a word of its format"),
    ],
)
def test_what_cannot_be_masked_whole_is_not_written(place: Place, body: Any, why: str) -> None:
    sampler = Sampler(source_of(place, "shop"), place.folder / "out")
    with pytest.raises(NotUnderstood, match=why):
        sampler.keep(delivery(body))
    assert not (place.folder / "out").exists()


def test_fewer_than_asked_for_fails(place: Place) -> None:
    stored(place, delivery(CHAT))
    done = place.run("capture", "shop", "--last", "--count", "2", "--out", str(place.folder / "out"))
    assert done.exit_code == 1


def test_the_next_delivery_of_a_running_service_is_waited_for(place: Place) -> None:
    stored(place, delivery(CHAT))
    came = threading.Timer(1.0, lambda: stored_beside(place, delivery({**CHAT, "chat_id": 78})))
    came.start()
    done = place.run("capture", "shop", "--out", str(place.folder / "out"))
    came.join()
    assert done.exit_code == 0, done.output
    assert '"chat_id": 78' in (place.folder / "out" / "chat_finished.captured.http").read_text(encoding="utf-8")


def stored_beside(place: Place, one: Delivery) -> None:
    """As the running service would, while the command looks on."""
    from bridge.clock import Clock
    from bridge.store import open_store

    async def run() -> None:
        store = open_store(place.config["store"], clock=Clock(), service=False)
        await store.open()
        await store.accept(one)
        await store.close()

    asyncio.run(run())


def test_a_listener_of_its_own_answers_as_the_mapping_says_and_hands_over_what_came(place: Place) -> None:
    source = source_of(place, "shop")
    with standing(listen(source, "127.0.0.1", 0, 1_000_000)) as listener:
        url = f"http://127.0.0.1:{listener.port}/hooks/shop/whatever"
        with urllib.request.urlopen(url, data=json.dumps(CHAT).encode(), timeout=30) as answer:
            assert (answer.status, answer.read()) == (200, b'{"result":"ok"}')
        came = listener.came.get_nowait()
    assert json.loads(came.body)["chat_id"] == 77


def test_what_does_not_go_together_is_refused(place: Place) -> None:
    assert place.run("capture", "shop", "--last", "--listen", "0").exit_code == 2


def test_samples_of_a_shipped_mapping_do_not_go_among_its_own(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.folder)
    stored(place, delivery(CHAT))
    assert place.run("capture", "shop", "--last").exit_code == 0
    assert [path.name for path in Path("captured/shop").iterdir() if path.suffix == ".http"] == ["chat_finished.captured.http"]
