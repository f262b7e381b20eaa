"""The words of the pages, in English and Russian, and how dates are written."""

from __future__ import annotations

from datetime import datetime, tzinfo

from aiohttp import web

MONTHS = {
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    "ru": ("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"),
}
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "brand": "Sandbox CRM",
        "clients": "Clients",
        "search": "Name, phone, e-mail or company",
        "find": "Search",
        "nobody": "No clients yet",
        "nobody_hint": "They appear here as soon as a chat has been carried over.",
        "nothing": "Nobody found",
        "nothing_hint": "Try the last digits of the phone, or part of the name.",
        "newer": "Newer",
        "older": "Older",
        "back": "All clients",
        "contacts": "Contacts",
        "owner": "Owner",
        "no_owner": "nobody yet",
        "company": "Company",
        "external_id": "External id",
        "since": "Client since",
        "deals": "Deals",
        "tasks": "Tasks",
        "files": "Files",
        "history": "History",
        "no_history": "Nothing has happened here yet.",
        "open": "open",
        "closed": "closed",
        "done": "done",
        "due": "due",
        "unnamed": "Without a name",
        "description": "About",
        "gone": "There is no such client",
        "gone_hint": "The card was deleted, or never existed.",
        "other_language": "Русский",
        "earlier": "Earlier",
    },
    "ru": {
        "brand": "Учебная CRM",
        "clients": "Клиенты",
        "search": "Имя, телефон, почта или компания",
        "find": "Найти",
        "nobody": "Клиентов пока нет",
        "nobody_hint": "Они появятся здесь, как только перенесётся первый чат.",
        "nothing": "Никого не нашлось",
        "nothing_hint": "Попробуйте последние цифры телефона или часть имени.",
        "newer": "Новее",
        "older": "Раньше",
        "back": "Все клиенты",
        "contacts": "Контакты",
        "owner": "Ответственный",
        "no_owner": "не назначен",
        "company": "Компания",
        "external_id": "Внешний код",
        "since": "Клиент с",
        "deals": "Сделки",
        "tasks": "Задачи",
        "files": "Файлы",
        "history": "История",
        "no_history": "Здесь пока ничего не произошло.",
        "open": "открыта",
        "closed": "закрыта",
        "done": "сделано",
        "due": "срок",
        "unnamed": "Без имени",
        "description": "О клиенте",
        "gone": "Такого клиента нет",
        "gone_hint": "Карточку удалили, или её не было.",
        "other_language": "English",
        "earlier": "Раньше",
    },
}
OTHER = {"en": "ru", "ru": "en"}


def language_of(request: web.Request) -> str:
    """`?lang=`, else the first of the browser's languages that there is, else English."""
    asked = request.query.get("lang", "").lower()
    if asked in WORDS:
        return asked
    for part in request.headers.get("Accept-Language", "").lower().split(","):
        language = part.split(";")[0].strip()[:2]
        if language in WORDS:
            return language
    return "en"


def date(at: float | None, language: str, zone: tzinfo) -> str:
    """As people write it: 21 November 2026."""
    if at is None:
        return ""
    moment = datetime.fromtimestamp(at, zone)
    return f"{moment.day} {MONTHS[language][moment.month - 1]} {moment.year}"


def clock_time(at: float | None, zone: tzinfo) -> str:
    return "" if at is None else datetime.fromtimestamp(at, zone).strftime("%H:%M")


def counted(number: int, language: str) -> str:
    """`3 clients`, with the ending that Russian wants."""
    if language == "en":
        return f"{number} client{'' if number == 1 else 's'}"
    if number % 10 == 1 and number % 100 != 11:  # noqa: PLR2004  # одиннадцать
        return f"{number} клиент"
    few = number % 10 in {2, 3, 4} and number % 100 not in {12, 13, 14}
    return f"{number} {'клиента' if few else 'клиентов'}"
