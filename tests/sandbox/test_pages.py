from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import aiohttp
import pytest

from bridge.errors import ConfigError
from bridge.sandbox import make_app
from bridge.sandbox.pages import initials, linked, spaced_phone
from bridge.sandbox.wording import WORDS

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)><a href='javascript:alert(3)' onclick=x>y</a>"


async def seeded(crm: Caller, *clients: dict[str, object]) -> None:
    assert (await crm.post("/_seed", list(clients))).status == 201


async def test_the_list_shows_who_had_news_last_first(crm: Caller) -> None:
    await seeded(crm, {"name": "Anna", "phones": ["+79161234567"]}, {"name": "Boris", "notes": [{"text": "Hello\nthere"}]})
    await crm.made("/clients/1/notes", {"text": "news for Anna"})
    status, page = await crm.page("/")
    assert status == 200
    assert page.index("Anna") < page.index("Boris")
    assert "+7 916 123-45-67" in page
    assert "news for Anna" in page
    assert "2 clients" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("анна", "1"),
        ("916 123", "1"),
        ("ann@", "1"),
        ("СФЕРА", "1"),
        ("%", ""),
        ("_", ""),
        ("\\", ""),
        ("борис", "2"),
        ("999999", ""),
        ("", "12"),
    ],
)
async def test_the_search_box_finds(crm: Caller, query: str, found: str) -> None:
    await seeded(
        crm,
        {"name": "Анна", "phones": ["+7 (916) 123-45-67"], "emails": ["Ann@x.example"], "company": "Сфера"},
        {"name": "Борис"},
    )
    async with crm.session.get(f"{crm.crm.url}/", params={"q": query}) as response:
        page = await response.text()
    assert "".join(sorted(re.findall(r'href="/clients/(\d+)"', page))) == found
    if not found:
        assert WORDS["en"]["nothing"] in page


async def test_long_lists_are_paged(crm: Caller) -> None:
    await seeded(crm, *({"name": f"Client {n}"} for n in range(30)))
    _, first = await crm.page("/?lang=ru")
    assert "30 клиентов" in first
    assert 'href="/?lang=ru&amp;q=&amp;page=2"' in first
    _, second = await crm.page("/?page=2")
    assert len(re.findall(r'href="/clients/', second)) == 5
    for nonsense in ("0", "-1", "x", "9" * 30):
        assert (await crm.page(f"/?page={nonsense}"))[0] == 200


async def test_a_card_shows_all_there_is_about_a_client(crm: Caller) -> None:
    await crm.post(
        "/_seed",
        {
            "owners": [{"name": "Marina K."}],
            "clients": [
                {
                    "name": "Anna",
                    "phones": ["+79161234567"],
                    "emails": ["anna@example.com"],
                    "owner_id": 1,
                    "company": "Sphere",
                    "external_id": "u-17",
                    "custom": {"City": "Kazan"},
                    "deals": [{"title": "Shelves", "stage": "New", "amount": 186400}],
                    "tasks": [{"text": "Call back", "due_at": "2026-11-22T07:00:00Z", "owner_id": 1}],
                    "notes": [{"title": "Chat", "text": "14:05 ● Anna: hello\n14:06 ○ Oleg: good day", "custom": {"Rating": 5}}],
                }
            ],
        },
    )
    await crm.made("/clients/1/files", {"name": "chat.txt", "content": ""})
    status, page = await crm.page("/clients/1")
    assert status == 200
    for text in (
        "Anna",
        "+7 916 123-45-67",
        "anna@example.com",
        "Marina K.",
        "Sphere",
        "u-17",
        "Kazan",
        "Shelves",
        "186 400",
        "Call back",
        "22 November 2026, 07:00",
        "Rating",
        "chat.txt",
        'class="said visitor"',
        'class="said operator"',
    ):
        assert text in page, text


@pytest.mark.parametrize("field", ["name", "company", "description", "external_id"])
async def test_what_strangers_write_is_never_live(crm: Caller, field: str) -> None:
    await seeded(
        crm,
        {
            field: HOSTILE,
            "custom": {HOSTILE: HOSTILE},
            "deals": [{"title": HOSTILE}],
            "tasks": [{"text": HOSTILE}],
            "notes": [
                {"text": f"{HOSTILE}\n14:05 ● {HOSTILE}: {HOSTILE}"},
                {"text": HOSTILE, "format": "html"},
                {"title": HOSTILE, "text": "x"},
            ],
        },
    )
    for address in ("/clients/1", "/"):
        _, page = await crm.page(address)
        assert not re.search(r"<script|<img|<[^>]*\son\w+=|href=.javascript", page)


async def test_notes_in_html_keep_their_shape(crm: Caller) -> None:
    await seeded(
        crm,
        {
            "name": "A",
            "notes": [{"format": "html", "text": "<p><b>Anna</b><br>hi <a href='https://x.example'>x</a></p><style>p{}</style>"}],
        },
    )
    _, page = await crm.page("/clients/1")
    assert '<p><b>Anna</b><br>hi <a href="https://x.example" rel="noopener noreferrer nofollow">x</a></p></div>' in page
    _, start = await crm.page("/")
    assert "Anna" in start.split('class="who"')[1]


async def test_long_histories_are_paged(crm: Caller) -> None:
    await seeded(crm, {"name": "A", "notes": [{"text": f"note number {n}."} for n in range(45)]})
    _, page = await crm.page("/clients/1?lang=en")
    assert page.count("<article") == 40
    link = re.search(r'href="(/clients/1\?[^"]*before=\d+)"', page)
    assert link
    _, rest = await crm.page(link[1].replace("&amp;", "&"))
    assert rest.count("<article") == 5
    assert "note number 0." in rest


async def test_merged_cards_lead_on_and_deleted_ones_say_so(crm: Caller) -> None:
    await seeded(crm, {"name": "A"}, {"name": "B"})
    await crm.post("/clients/1/merge", {"into": "2"})
    status, page = await crm.page("/clients/1?lang=ru")
    assert (status, "Ответственный" in page, "<h1>B</h1>" in page) == (200, True, True)
    await crm.ask("DELETE", "/clients/2")
    status, page = await crm.page("/clients/2?lang=ru")
    assert (status, "Такого клиента нет" in page) == (404, True)


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "en"),
        ("", "ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("?lang=en", "ru", "en"),
        ("?lang=ru", "", "ru"),
        ("", "de,fr", "en"),
        ("?lang=de", "ru", "ru"),
    ],
)
async def test_pages_speak_the_readers_language(crm: Caller, query: str, header: str, language: str) -> None:
    _, page = await crm.page(f"/{query}", **({"Accept-Language": header} if header else {}))
    assert f'<html lang="{language}">' in page
    assert WORDS[language]["nobody"] in page


def test_both_languages_have_every_word() -> None:
    assert WORDS["en"].keys() == WORDS["ru"].keys()


async def test_pages_forbid_scripts_and_being_framed(crm: Caller) -> None:
    for address in ("/", "/sandbox.css", "/clients/1"):
        async with crm.session.get(crm.crm.url + address) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "script" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_file_is_offered_for_saving_only(crm: Caller) -> None:
    await seeded(crm, {"name": "A"})
    await crm.made(
        "/clients/1/files", {"name": 'x"\r\n<.html', "type": "text/html", "content": base64.b64encode(b"<script>").decode()}
    )
    async with crm.session.get(f"{crm.crm.url}/files/1") as response:
        assert response.headers["Content-Disposition"] == 'attachment; filename="x_.html"'
        assert response.content_type == "application/octet-stream"
        assert await response.read() == b"<script>"
    assert (await crm.page("/files/2"))[0] == 404


def test_addresses_become_links_and_nothing_else_does() -> None:
    link = '<a href="https://x.example/a?b=1&amp;c" rel="noopener noreferrer nofollow">https://x.example/a?b=1&amp;c</a>'
    assert linked("see https://x.example/a?b=1&c, <b>") == f"see {link}, &lt;b&gt;"
    assert "<a" not in linked("javascript:alert(1) http:// www.x.example")


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (spaced_phone("+79161234567"), "+7 916 123-45-67"),
        (spaced_phone("+442079460123"), "+442079460123"),
        (spaced_phone("8 (916)"), "8 (916)"),
        (initials("Анна Петрова"), "АП"),
        (initials("🙂 17"), "?"),
        (initials("madonna"), "M"),
    ],
)
def test_small_things_for_the_eye(shown: str, expected: str) -> None:
    assert shown == expected


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(ConfigError, match="Europe/Moscow"):
        make_app(timezone="Mars/Base")


async def test_the_language_link_keeps_the_place(crm: Caller) -> None:
    await seeded(crm, {"name": "A"})
    _, page = await crm.page("/clients/1?lang=en")
    assert 'href="/clients/1?lang=ru"' in page
    async with crm.session.get(f"{crm.crm.url}/clients/1", allow_redirects=False) as response:
        assert isinstance(response, aiohttp.ClientResponse)
        assert response.status == 200
