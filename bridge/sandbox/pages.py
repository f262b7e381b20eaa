"""The CRM as its users see it: the list of clients, and a client's card with all that happened as a timeline."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import nh3
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bridge.errors import ConfigError
from bridge.sandbox import transcript, wording
from bridge.sandbox.entities import CLIENT, FILE
from bridge.sandbox.points import digits_of
from bridge.sandbox.records import Records, Row
from bridge.sandbox.refusals import Merged, Missing

HERE = Path(__file__).parent / "templates"
PAGE = 25
#: notes shown on a card at a time
TIMELINE = 40
HUES = 8
#: fewer digits are rather part of a name
FEWEST_DIGITS = 4
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
REL = "noopener noreferrer nofollow"
#: what a note in HTML may hold
TAGS = {
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "h3",
    "h4",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
}
_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]»]")
_PHONE_RU = re.compile(r"^\+?7(\d{3})(\d{3})(\d{2})(\d{2})$")


def zone_called(name: str) -> ZoneInfo:
    """Raises ConfigError if there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"there is no time zone {name!r}; give one such as Europe/Moscow") from error


class Pages:
    def __init__(self, records: Records, zone: ZoneInfo) -> None:
        self.records = records
        self.zone = zone
        self._templates = Environment(
            loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.filters |= {
            "linked": linked,
            "phone": spaced_phone,
            "hue": lambda number: int(number) % HUES,
            "initials": initials,
            "fields": json.loads,
        }

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/", self.clients)
        router.add_get(r"/clients/{id:\d{1,18}}", self.card)
        router.add_get(r"/files/{id:\d{1,18}}", self.file)
        router.add_get("/sandbox.css", self.style)

    async def style(self, _: web.Request) -> web.Response:
        return web.Response(text=(HERE / "sandbox.css").read_text(encoding="utf-8"), content_type="text/css", headers=HEADERS)

    async def clients(self, request: web.Request) -> web.Response:
        sought = request.query.get("q", "").strip()[:100]
        page = request.query.get("page", "1")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 7 and int(page) else 1  # noqa: PLR2004  # so many pages nobody turns
        rows, total = self._browse(sought, (number - 1) * PAGE)
        return self._page(
            "clients.html",
            request,
            clients=[self._line(row) for row in rows],
            total=total,
            sought=sought,
            number=number,
            more=total > number * PAGE,
        )

    async def card(self, request: web.Request) -> web.Response:
        client_id = int(request.match_info["id"])
        try:
            client = self.records.read(CLIENT, client_id)
        except Merged as merged:
            raise web.HTTPSeeOther(str(request.rel_url.with_path(f"/clients/{merged.into}", keep_query=True))) from merged
        except Missing:
            return self._page("gone.html", request, status=404)
        before = request.query.get("before", "")
        last = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else 2**62  # noqa: PLR2004  # what SQLite can hold
        notes = self._attached("notes", client_id, "AND id < ? ORDER BY id DESC LIMIT ?", last, TIMELINE + 1)
        owners = {row["id"]: row for row in self.records.db.execute("SELECT * FROM owners")}
        return self._page(
            "card.html",
            request,
            client=self._line(client) | {"custom": json.loads(client["custom"])},
            owner=owners.get(client["owner_id"]),
            owners=owners,
            notes=[self._note(note, client["name"]) for note in notes[:TIMELINE]],
            earlier=notes[TIMELINE - 1]["id"] if len(notes) > TIMELINE else None,
            deals=self._attached("deals", client_id, "ORDER BY open DESC, id DESC LIMIT 50"),
            tasks=self._attached("tasks", client_id, "ORDER BY done, id DESC LIMIT 50"),
            files=self._attached("files", client_id, "ORDER BY id DESC LIMIT 50"),
        )

    async def file(self, request: web.Request) -> web.Response:
        try:
            row = self.records.read(FILE, int(request.match_info["id"]))
        except Missing as missing:
            raise web.HTTPNotFound from missing
        # Never shown in place: a file is whatever a stranger sent.
        name = re.sub(r"[^\w.-]+", "_", row["name"], flags=re.ASCII)
        headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=row["content"], content_type="application/octet-stream", headers=headers)

    def _attached(self, table: str, client_id: int, rest: str, *values: object) -> list[Row]:
        statement = f"SELECT * FROM {table} WHERE client_id = ? {rest}"  # noqa: S608  # both are written in this module
        rows: list[Row] = self.records.db.execute(statement, (client_id, *values)).fetchall()
        return rows

    def _browse(self, sought: str, offset: int) -> tuple[list[Row], int]:
        """Clients in whom something happened last come first."""
        where, values = "gone = 0", []
        if sought:
            digits = digits_of(sought)
            by_digits = len(digits) >= FEWEST_DIGITS and not re.search(r"[^\W\d]", sought)
            where += (
                " AND id IN (SELECT client_id FROM points WHERE kind = 'phone' AND instr(value, ?))"
                if by_digits
                else " AND (casefold(name) LIKE ? ESCAPE '\\' OR casefold(emails) LIKE ? ESCAPE '\\'"
                " OR casefold(company) LIKE ? ESCAPE '\\')"
            )
            like = "%" + re.sub(r"([%_\\])", r"\\\1", sought.casefold()) + "%"
            values = [digits] if by_digits else [like] * 3
        db = self.records.db
        total = db.execute(f"SELECT count(*) AS n FROM clients WHERE {where}", values).fetchone()["n"]  # noqa: S608  # written above
        rows = db.execute(
            f"SELECT * FROM clients WHERE {where} ORDER BY touched_at DESC, id DESC LIMIT ? OFFSET ?",  # noqa: S608  # written above
            (*values, PAGE, offset),
        ).fetchall()
        return rows, total

    def _line(self, client: Row) -> Row:
        last = self.records.db.execute(
            "SELECT title, text, format FROM notes WHERE client_id = ? ORDER BY id DESC LIMIT 1", (client["id"],)
        ).fetchone()
        named = client["name"] or " ".join(filter(None, (client["first_name"], client["last_name"])))
        return client | {
            "phones": json.loads(client["phones"]),
            "emails": json.loads(client["emails"]),
            "shown_name": named,
            "last": "" if last is None else transcript.headline(last["title"] or plain(last)),
        }

    def _note(self, note: Row, client_name: str | None) -> Row:
        if note["format"] == "html":
            return note | {"html": clean(note["text"]), "blocks": []}
        return note | {"html": None, "blocks": transcript.blocks(note["text"], client_name)}

    def _page(self, template: str, request: web.Request, *, status: int = 200, **scope: Any) -> web.Response:
        language = wording.language_of(request)
        chosen = {"lang": language} if "lang" in request.query else {}
        text = self._templates.get_template(template).render(
            **scope,
            t=wording.WORDS[language],
            language=language,
            chosen=chosen,
            date=partial(wording.date, language=language, zone=self.zone),
            time=partial(wording.clock_time, zone=self.zone),
            counted=partial(wording.counted, language=language),
            here=lambda **query: str(request.rel_url.with_query({**chosen, **query})),
            at=lambda path: f"{path}?lang={language}" if chosen else path,
            elsewhere=str(request.rel_url.update_query(lang=wording.OTHER[language])),
        )
        return web.Response(text=text, content_type="text/html", status=status, headers=HEADERS)


def clean(html: str) -> Markup:
    """HTML of a note with nothing live left in it but links."""
    schemes = {"http", "https", "mailto", "tel"}
    cleaned = nh3.clean(html, tags=TAGS, attributes={"a": {"href"}}, url_schemes=schemes, link_rel=REL)
    return Markup(cleaned)  # noqa: S704  # just cleaned


def plain(note: Row) -> str:
    if note["format"] != "html":
        return str(note["text"])
    return nh3.clean(re.sub(r"<(?:br|/p|/div|/li|/h\d)[^>]*>", "\n", note["text"]), tags=set())


def linked(text: str) -> Markup:
    """Text with its web addresses as links, everything else escaped."""
    parts: list[Markup] = []
    end = 0
    for match in _LINK.finditer(text):
        parts += (
            escape(text[end : match.start()]),
            Markup('<a href="{0}" rel="{1}">{0}</a>').format(match[0], REL),
        )
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def spaced_phone(phone: str) -> str:
    """A number that was stored as bare digits, with blanks for the eye."""
    match = _PHONE_RU.match(phone)
    return f"+7 {match[1]} {match[2]}-{match[3]}-{match[4]}" if match else phone


def initials(name: str) -> str:
    words = [word for word in re.split(r"[\W\d_]+", name) if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"
