"""The words of a note in Russian and English: tables, plural forms, dates, durations. Nothing here knows what a note is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal

Language = Literal["ru", "en"]

WORDS: Mapping[Language, Mapping[str, str]] = {
    "ru": {
        "visitor": "Посетитель",
        "operator": "Оператор",
        "bot": "Бот",
        "bot_named": "{name} (бот)",
        "unnamed": "Имя не названо",
        "uncertain": "{value} (возможно)",
        "extension": "{value} доб. {extension}",
        "no_contact": "без контактов",
        "no_calls": "просит не звонить",
        "missed": "никто не ответил",
        "missed_offline": "ждёт ответа",
        "answered": "ответили",
        "answered_in": "ответили через {duration}",
        "left_waiting": "последнее слово за посетителем",
        "chat_site": "Чат на сайте {name}",
        "chat_channel": "Чат, канал {name}",
        "offline_site": "Сообщение с сайта {name}, оставлено офлайн",
        "offline_channel": "Сообщение офлайн, канал {name}",
        "continued": "Чат продолжился: здесь то, чего ещё нет в карточке",
        "yes": "да",
        "no": "нет",
        "quoted": "«{value}»",
        "card": "{name} (№ {id})",
        "page": "Страница: {value}",
        "referrer": "Пришли с: {value}",
        "utm": "Реклама: {value}",
        "place": "Откуда: {value}",
        "company": "Компания: {value}",
        "form": "Анкета: {value}",
        "department": "Отдел: {value}",
        "topic": "Тема: {value}",
        "tags": "Теги: {value}",
        "operators": "Операторы: {value}",
        "operator_one": "Оператор: {value}",
        "handoffs": "передач: {value}",
        "first_response": "Первый ответ: {value}",
        "first_response_open": "Первый ответ: {value} рабочего времени",
        "duration": "Длительность: {value}",
        "rating": "Оценка: {value}",
        "link": "Открыть чат: ",
        "wish": "Просьба не звонить: «{value}»",
        "other_points": "Ещё в чате: {value}",
        "claim_other": "{value} (чужой контакт)",
        "claim_more": "{value}",
        "claim_handle": "{value} (мессенджер)",
        "typo": "{value}: похоже на опечатку, вероятно {meant}",
        "added": "Добавлено в карточку: {value} ({why})",
        "not_added": "Не добавлено в карточку: {value} ({why})",
        "no_room": "Не поместилось в карточку: {value}",
        "why_always": "так настроено",
        "why_never": "так настроено",
        "why_external_id": "совпал код клиента на сайте",
        "why_profile": "контакт из анкеты есть в карточке",
        "why_second_point": "два контакта есть в карточке",
        "why_name": "имя совпало",
        "why_unconfirmed": "ничто больше не подтверждает, что это тот же человек",
        "several": "Подходят и другие карточки: {value}",
        "remark": "О карточке: {value}",
        "transcript": "Переписка, время {zone}",
        "transcript_untimed": "Переписка",
        "no_text": "(без текста)",
        "file": "файл {name}: {url}",
        "file_unnamed": "файл: {url}",
        "resumed": " (продолжение)",
        "part": "Часть {number}/{of}",
        "part_of": "Часть {number}/{of} · {who}",
        "title": "{what}: {who}",
        "title_part": "{title} ({number}/{of})",
        "task_missed": "Ответить на чат: {who}",
        "task_missed_no_calls": "Ответить письменно, просит не звонить: {who}",
        "task_text": "На чат никто не ответил",
        "task_text_no_calls": "На чат никто не ответил. Посетитель просит не звонить: ответьте письменно",
        "last_words": "Последнее сообщение: «{value}»",
        "deal_title": "{what}: {who}",
    },
    "en": {
        "visitor": "Visitor",
        "operator": "Operator",
        "bot": "Bot",
        "bot_named": "{name} (bot)",
        "unnamed": "No name given",
        "uncertain": "{value} (possibly)",
        "extension": "{value} ext. {extension}",
        "no_contact": "no contact given",
        "no_calls": "asks not to be called",
        "missed": "nobody answered",
        "missed_offline": "waits for an answer",
        "answered": "answered",
        "answered_in": "answered in {duration}",
        "left_waiting": "the visitor had the last word",
        "chat_site": "Chat on {name}",
        "chat_channel": "Chat on {name}",
        "offline_site": "Message left offline on {name}",
        "offline_channel": "Message left offline on {name}",
        "continued": "The chat went on: below is what the card does not have yet",
        "yes": "yes",
        "no": "no",
        "quoted": "“{value}”",
        "card": "{name} (no. {id})",
        "page": "Page: {value}",
        "referrer": "Came from: {value}",
        "utm": "Campaign: {value}",
        "place": "From: {value}",
        "company": "Company: {value}",
        "form": "Form: {value}",
        "department": "Department: {value}",
        "topic": "Topic: {value}",
        "tags": "Tags: {value}",
        "operators": "Operators: {value}",
        "operator_one": "Operator: {value}",
        "handoffs": "hand-offs: {value}",
        "first_response": "First response: {value}",
        "first_response_open": "First response: {value} of opening hours",
        "duration": "Duration: {value}",
        "rating": "Rating: {value}",
        "link": "Open the chat: ",
        "wish": "Asked not to be called: “{value}”",
        "other_points": "Also in the chat: {value}",
        "claim_other": "{value} (somebody else’s)",
        "claim_more": "{value}",
        "claim_handle": "{value} (messenger)",
        "typo": "{value}: looks mistyped, probably {meant}",
        "added": "Added to the card: {value} ({why})",
        "not_added": "Not added to the card: {value} ({why})",
        "no_room": "No room on the card for: {value}",
        "why_always": "as configured",
        "why_never": "as configured",
        "why_external_id": "the site’s client id is the same",
        "why_profile": "a contact from the form is on the card",
        "why_second_point": "two contacts are on the card",
        "why_name": "the name is the same",
        "why_unconfirmed": "nothing else confirms that this is the same person",
        "several": "Other cards fit as well: {value}",
        "remark": "About the card: {value}",
        "transcript": "Transcript, times in {zone}",
        "transcript_untimed": "Transcript",
        "no_text": "(no text)",
        "file": "file {name}: {url}",
        "file_unnamed": "file: {url}",
        "resumed": " (continued)",
        "part": "Part {number}/{of}",
        "part_of": "Part {number}/{of} · {who}",
        "title": "{what}: {who}",
        "title_part": "{title} ({number}/{of})",
        "task_missed": "Answer the chat: {who}",
        "task_missed_no_calls": "Answer in writing, asks not to be called: {who}",
        "task_text": "Nobody answered this chat",
        "task_text_no_calls": "Nobody answered this chat. The visitor asks not to be called: answer in writing",
        "last_words": "Last message: “{value}”",
        "deal_title": "{what}: {who}",
    },
}  # fmt: skip

#: one, few (2-4, 22-24 …), many; English has the same form for the last two
PLURALS: Mapping[Language, Mapping[str, tuple[str, str, str]]] = {
    "ru": {
        "message": ("сообщение", "сообщения", "сообщений"),
        "day": ("день", "дня", "дней"),
    },
    "en": {
        "message": ("message", "messages", "messages"),
        "day": ("day", "days", "days"),
    },
}

#: how chat services that have no stars rate a chat
RATINGS: Mapping[Language, Mapping[str, str]] = {
    "ru": {"positive": "хорошо 👍", "good": "хорошо 👍", "negative": "плохо 👎", "bad": "плохо 👎"},
    "en": {"positive": "good 👍", "good": "good 👍", "negative": "bad 👎", "bad": "bad 👎"},
}
#: channels that are not written like any other word
CHANNELS: Mapping[str, str] = {"whatsapp": "WhatsApp"}

_UNITS: Mapping[Language, tuple[str, str, str]] = {"ru": ("ч", "мин", "с"), "en": ("h", "min", "s")}

_MONTHS: Mapping[Language, tuple[str, ...]] = {
    "ru": ("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября",
           "декабря"),
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December"),
}  # fmt: skip

_WEEKDAYS: Mapping[Language, tuple[str, ...]] = {
    "ru": ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}

_LONG_DATE: Mapping[Language, str] = {
    "ru": "{day} {month} {year}, {weekday}", "en": "{weekday}, {day} {month} {year}",
}  # fmt: skip

_DAY, _HOUR, _MINUTE = 86400, 3600, 60


class Speech:
    """One language's words."""

    def __init__(self, language: Language) -> None:
        self._words = WORDS[language]
        self._plurals = PLURALS[language]
        self._form = _russian_form if language == "ru" else _english_form
        self._units = _UNITS[language]
        self.language = language

    def word(self, key: str, **values: object) -> str:
        return self._words[key].format(**values)

    def count(self, key: str, number: int) -> str:
        """The number with its noun: 21 сообщение, 3 сообщения, 12 сообщений."""
        return f"{number} {self._plurals[key][self._form(number)]}"

    def rating(self, value: str | None) -> str | None:
        """A rating as people say it; numbers and words that nobody knows stay."""
        return RATINGS[self.language].get((value or "").lower(), value)

    def duration(self, seconds: int) -> str:
        """The two largest units that count: 45 с, 2 мин 5 с, 1 ч 14 мин, 3 дня 2 ч."""
        hour, minute, second = self._units
        days, rest = divmod(seconds, _DAY)
        hours, rest = divmod(rest, _HOUR)
        minutes, left = divmod(rest, _MINUTE)
        if days:
            return self.count("day", days) + (f" {hours} {hour}" if hours else "")
        if hours:
            return f"{hours} {hour}" + (f" {minutes} {minute}" if minutes else "")
        if minutes:
            return f"{minutes} {minute}" + (f" {left} {second}" if left else "")
        return f"{left} {second}"

    def long_date(self, day: date) -> str:
        """21 ноября 2026, суббота · Saturday, 21 November 2026."""
        return _LONG_DATE[self.language].format(
            day=day.day, month=_MONTHS[self.language][day.month - 1], year=day.year,
            weekday=_WEEKDAYS[self.language][day.weekday()],
        )  # fmt: skip

    def short_date(self, day: date) -> str:
        """21 ноября 2026 · 21 November 2026."""
        return f"{day.day} {_MONTHS[self.language][day.month - 1]} {day.year}"


def zone_name(offset: timedelta | None) -> str:
    """UTC+3, UTC-3:30, UTC."""
    total = int(offset.total_seconds()) // _MINUTE if offset else 0
    sign = "+" if total > 0 else "\u2212"
    hours, minutes = divmod(abs(total), 60)
    return "UTC" + (f"{sign}{hours}" if total else "") + (f":{minutes:02}" if minutes else "")


def _russian_form(number: int) -> int:
    tens, ones = number % 100, number % 10
    if tens in range(11, 15) or ones in (0, 5, 6, 7, 8, 9):
        return 2
    return 0 if ones == 1 else 1


def _english_form(number: int) -> int:
    return 0 if number == 1 else 1
