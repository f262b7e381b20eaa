"""Words of the page of reports, and how its figures are written."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.report.reports.figures import SHOWN, Kind
from bridge.report.words.language import Language, grouped, span

#: figure → what it is called, and what it counts
_FIGURES: Mapping[Language, Mapping[str, tuple[str, str]]] = {
    "en": {
        "chats": ("Chats", "chats that began on these days"),
        "missed": ("Missed", "no human operator wrote"),
        "missed_share": ("Missed, share", "of the chats of which it is known"),
        "abandoned": ("Visitor had the last word", "look at these: some were left waiting"),
        "abandoned_share": ("Last word, share", "of the chats of which it is known"),
        "answered_30_share": ("Answered within 30 s", "missed ones count as not answered"),
        "answered_60_share": ("Answered within 60 s", "missed ones count as not answered"),
        "first_response_median_s": ("First response, median", "half were answered sooner; opening hours alone count"),
        "first_response_p90_s": ("First response, 9 of 10", "nine in ten were answered sooner"),
        "duration_s": ("Duration, average", "from beginning to end"),
        "longest_gap_s": ("Longest silence, average", "between two messages of people in one chat"),
        "handoffs": ("Hand-offs", "another operator took over"),
        "ratings": ("Ratings", "as the chat service gives them"),
        "contact_given": ("Left a contact", "a phone or an e-mail of the visitor's own"),
        "contact_share": ("Contact, share", "of the chats of which it is known"),
        "new_clients": ("New clients", "a card was made for the chat"),
        "known_clients": ("Known clients", "the chat went on a card that was there"),
        "deals": ("Deals", "opened for the chat"),
    },
    "ru": {
        "chats": ("Чаты", "начались в эти дни"),
        "missed": ("Пропущено", "ни один оператор не ответил"),
        "missed_share": ("Доля пропущенных", "среди чатов, о которых это известно"),
        "abandoned": ("Последним писал посетитель", "проверьте их: кого-то оставили ждать"),
        "abandoned_share": ("Без ответа в конце, доля", "среди чатов, о которых это известно"),
        "answered_30_share": ("Ответ за 30 с", "пропущенные считаются неотвеченными"),
        "answered_60_share": ("Ответ за 60 с", "пропущенные считаются неотвеченными"),
        "first_response_median_s": ("Первый ответ, медиана", "половине ответили быстрее; считаются только часы работы"),
        "first_response_p90_s": ("Первый ответ, 9 из 10", "девяти из десяти ответили быстрее"),
        "duration_s": ("Длительность, средняя", "от начала до конца"),
        "longest_gap_s": ("Самое долгое молчание, среднее", "между двумя репликами людей в одном чате"),
        "handoffs": ("Передачи", "подключился другой оператор"),
        "ratings": ("Оценки", "как их передаёт сервис чата"),
        "contact_given": ("Оставили контакт", "свой телефон или почту"),
        "contact_share": ("Контакт, доля", "среди чатов, о которых это известно"),
        "new_clients": ("Новые клиенты", "для чата создана карточка"),
        "known_clients": ("Известные клиенты", "чат попал на существующую карточку"),
        "deals": ("Сделки", "открыты по чату"),
    },
}

#: of a table's columns
SHORT: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "chats": "Chats", "missed": "Missed", "missed_share": "%", "abandoned": "Last word", "abandoned_share": "%",
        "answered_30_share": "≤ 30 s", "answered_60_share": "≤ 60 s", "first_response_median_s": "Median",
        "first_response_p90_s": "9 of 10", "duration_s": "Lasted", "longest_gap_s": "Silence", "handoffs": "Hand-offs",
        "ratings": "Ratings", "contact_given": "Contact", "contact_share": "%", "new_clients": "New", "known_clients": "Known",
        "deals": "Deals",
    },
    "ru": {
        "chats": "Чаты", "missed": "Пропущено", "missed_share": "%", "abandoned": "Без ответа", "abandoned_share": "%",
        "answered_30_share": "≤ 30 с", "answered_60_share": "≤ 60 с", "first_response_median_s": "Медиана",
        "first_response_p90_s": "9 из 10", "duration_s": "Длились", "longest_gap_s": "Молчание", "handoffs": "Передачи",
        "ratings": "Оценки", "contact_given": "Контакт", "contact_share": "%", "new_clients": "Новые",
        "known_clients": "Известные", "deals": "Сделки",
    },
}  # fmt: skip

#: what a line is called whose key is empty
NOTHING: Mapping[Language, Mapping[str, str]] = {
    "en": {"operator": "nobody", "page": "no page", "utm": "no campaign"},
    "ru": {"operator": "никто", "page": "без страницы", "utm": "без рекламы"},
}

_PAGE: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "reports": "Reports", "report_by": "Break down", "by_day": "by day", "by_source": "by connection",
        "by_channel": "by channel", "by_page": "by page", "by_operator": "by operator", "by_utm": "by campaign (UTM)",
        "key_day": "Day", "key_source": "Connection", "key_channel": "Channel", "key_page": "Page", "key_operator": "Operator",
        "key_utm": "Campaign", "opening": "Opening hours",
        "hours_all": "all", "hours_within": "within", "hours_outside": "outside", "report_do": "Show",
        "last_days": "{n} days", "report_none": "No chat began on these days",
        "report_none_hint": "A chat is counted when its work ends for the first time.",
        "counted_since": "Chats are counted since {day}.",
        "within_hours": "within opening hours", "outside_hours": "outside opening hours", "unknown_hours": "hours not known",
        "not_known": "–: not known, since the chat service does not tell it. It is left out of every sum, share and average.",
        "as_file": "For a spreadsheet (CSV)", "over_time": "Over time", "chart_alt": "{name}: {n} values, the greatest {most}",
        "report_cut": "The first {n} lines are shown; the file has all of them.", "the_rest": "…: all others",
        "sums_differ": "A chat with two operators stands in both lines.", "ranges": "Days to choose",
        "together": "All chats", "more_figures": "More figures",
    },
    "ru": {
        "reports": "Отчёты", "report_by": "Разбивка", "by_day": "по дням", "by_source": "по подключениям",
        "by_channel": "по каналам", "by_page": "по страницам", "by_operator": "по операторам", "by_utm": "по рекламе (UTM)",
        "key_day": "День", "key_source": "Подключение", "key_channel": "Канал", "key_page": "Страница",
        "key_operator": "Оператор",
        "key_utm": "Реклама", "opening": "Часы работы",
        "hours_all": "всё время", "hours_within": "в часы работы", "hours_outside": "вне часов работы", "report_do": "Показать",
        "last_days": "{n} дн.", "report_none": "В эти дни чатов не было",
        "report_none_hint": "Чат учитывается, когда работа над ним в первый раз закончена.",
        "counted_since": "Чаты учитываются с {day}.",
        "within_hours": "в часы работы", "outside_hours": "вне часов работы", "unknown_hours": "часы неизвестны",
        "not_known": "–: неизвестно, сервис чата этого не передаёт. В суммы, доли и средние такое не входит.",
        "as_file": "Для таблиц (CSV)", "over_time": "По времени", "chart_alt": "{name}: значений {n}, наибольшее {most}",
        "report_cut": "Показаны первые {n} строк; в файле — все.", "the_rest": "…: все остальные",
        "sums_differ": "Чат с двумя операторами стоит в обеих строках.", "ranges": "Выбор дней",
        "together": "Все чаты", "more_figures": "Ещё показатели",
    },
}  # fmt: skip

#: with `f_NAME` and `f_NAME_is` for each figure
WORDS_REPORTS: Mapping[Language, Mapping[str, str]] = {
    language: {
        **words,
        **{f"f_{one.name}": _FIGURES[language][one.name][0] for one in SHOWN},
        **{f"f_{one.name}_is": _FIGURES[language][one.name][1] for one in SHOWN},
    }
    for language, words in _PAGE.items()
}


def said(value: float | Mapping[str, int] | None, kind: Kind, language: Language) -> str:
    """A figure as people read it; a dash for what is not known."""
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} × {number}" for key, number in value.items())
    if kind == "share":
        return f"{value * 100:.0f}\u00a0%"
    return span(value, language).replace(" ", "\u00a0") if kind == "span" else grouped(round(value))
