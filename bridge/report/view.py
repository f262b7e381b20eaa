"""How pages are made: templates, words, times. Whatever came from outside is escaped by the templates' engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bridge.report.deps import Deps, Desk, desk_or_none
from bridge.report.words import STATES, WORDS
from bridge.report.words.explanations import detail_adds, explain
from bridge.report.words.language import OTHER, Language, counted, from_now, grouped, moment, noun, span
from bridge.report.words.steps import detail_of, said_of

HERE = Path(__file__).parent

#: what the gate has found out about a request
LANGUAGE: web.RequestKey[Language] = web.RequestKey("language", str)  # type: ignore[arg-type]  # a Literal is no class
TOKEN = web.RequestKey("token", str)
SIGNED_IN = web.RequestKey("signed_in", bool)

#: characters that turn the direction of what follows: one visitor's words would forge what stands beside them
_TURNING = dict.fromkeys(map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"), "\ufffd")


class View:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True, finalize=_in_its_own_direction,
        )  # fmt: skip

    def page(self, request: web.Request, template: str, *, status: int = 200, **scope: Any) -> web.Response:
        language = request[LANGUAGE]
        words, at = WORDS[language], desk_or_none(request)
        text = self._templates.get_template(template).render(
            **self._said(language, at.settings.zone if at else self._deps.settings.zone), **scope, words=words, language=language,
            states=STATES[language], token=request.get(TOKEN, ""), signed_in=request.get(SIGNED_IN, False), path=request.path,
            to=at.to if at else str, site=at.site if at else None, bound=at is not None and at.bound, sites=self._sites(at),
            other_language=str(request.rel_url.update_query(lang=OTHER[language])), flash=_flash(request, words),
        )  # fmt: skip
        return web.Response(text=text, content_type="text/html", status=status)

    def message(self, request: web.Request, what: str, status: int, *, text: str | None = None) -> web.Response:
        """Why there is no page: as a page, or as data where data was asked for."""
        words = WORDS[request[LANGUAGE]]
        title, text = words[f"{what}_title"], text or words[f"{what}_text"]
        if request.path.startswith("/api/"):
            return web.json_response({"error": what, "message": f"{title}. {text}"}, status=status)
        return self.page(request, "message.html", status=status, title=title, text=text)

    def _sites(self, at: Desk | None) -> list[str]:
        """Customers to choose from; none where there is nothing to choose."""
        return [] if at is None or at.bound else list(self._deps.settings.sites)

    def _said(self, language: Language, zone: tzinfo) -> Mapping[str, Any]:
        """Functions for the templates."""
        now = self._deps.clock.time()
        return {
            "counted": partial(counted, language=language),
            "noun": partial(noun, language=language),
            "grouped": grouped,
            "span": partial(span, language=language),
            "moment": lambda at: moment(at, now, zone, language),
            "from_now": lambda at: from_now(at, now, language),
            "is_past": lambda at: at <= now,
            "iso": lambda at: datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
            "clock_time": lambda at: f"{at.astimezone(zone):%H:%M:%S}",
            "explain": partial(explain, language=language),
            "detail_adds": detail_adds,
            "said_of": partial(said_of, language=language),
            "detail_of": partial(detail_of, language=language),
        }


def _flash(request: web.Request, words: Mapping[str, str]) -> str:
    """What the last click did. One of our own sentences: the address chooses which, it does not bring the words."""
    text = words.get(f"flash_{request.query.get('said', '')}", "")
    count = request.query.get("n", "")
    return text.format(n=count if count.isdecimal() and len(count) < 10 else "?") if text else ""  # noqa: PLR2004 - digits


def _in_its_own_direction(value: Any) -> Any:
    return value.translate(_TURNING) if type(value) is str else value
