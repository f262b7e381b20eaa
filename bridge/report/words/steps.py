"""The lines of a trace in the page's language. What is not known here is shown as it was written."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridge.report.words.language import Language

_RU: Mapping[str, str] = {
    "find by phone": "поиск по телефону", "find by email": "поиск по почте", "find by external_id": "поиск по номеру на сайте",
    "find by visitor_id": "поиск по номеру посетителя", "find by all_phones": "поиск по всем телефонам",
    "read client": "чтение карточки", "find owner": "поиск ответственного", "list open deals": "поиск открытых сделок",
    "searched": "искали", "found.map": "известен по прошлым чатам", "found.again": "уже было записано", "broke": "сбой",
    "matched.found": "клиент найден", "matched.new": "новый клиент", "matched.ambiguous": "подходит несколько клиентов",
    "map.outdated": "запись о клиенте устарела", "planned.again": "план составлен заново", "operation.done": "сделано",
    "outcome.settled": "исход выяснен", "settling.other": "выясняется исход другого задания",
    "conflict.dismissed": "совпадение отвергнуто", "file.left": "файл не скопирован", "upload file": "передача файла",
    "settling.refused": "CRM отказала и на этот вопрос", "found.twin": "записано другим заданием", "note.told": "уже рассказано",
}  # fmt: skip
_KINDS_RU: Mapping[str, str] = {
    "create": "клиент", "enrich": "дополнения", "note": "заметка", "deal": "сделка", "task": "задача", "file": "файл",
}  # fmt: skip
_OF_A_KIND = re.compile(r"(?P<verb>write|look for) (?P<kind>[a-z]+)(?P<rest>.*)")
_VERBS_RU: Mapping[str, str] = {"write": "запись", "look for": "проверка, записано ли"}

#: what stands beside a step: a pattern over all of it, and the same in Russian
_DETAILS_RU: tuple[tuple[re.Pattern[str], str], ...] = tuple((re.compile(pattern), russian) for pattern, russian in (
    (r"(?P<n>\d+) found", "найдено: {n}"),
    (r"(?P<n>\d+) known from before", "известно с прошлых чатов: {n}"),
    ("it is not there", "там этого нет"),
    (r"(?P<kind>[a-z]+) (?P<part>\d+/\d+): (?P<id>.*)", "{kind} {part}: {id}"),
    (r"(?P<kind>[a-z]+) (?P<part>\d+/\d+) is in the CRM: (?P<id>.*)", "{kind} {part} есть в CRM: {id}"),
    (r"(?P<kind>[a-z]+) (?P<part>\d+/\d+) is not in the CRM", "{kind} {part}: в CRM этого нет"),
    (r"(?P<kind>[a-z]+) (?P<part>\d+/\d+): another note of the chat has it", "{kind} {part}: это есть в другой заметке чата"),
    (r"(?P<kind>[a-z]+) had been written before this store was made", "{kind}: записано до того, как завели это хранилище"),
    (r"(?P<kind>[a-z]+) was written by job (?P<job>\d+)", "{kind}: записано заданием {job}"),
    (r"job (?P<job>\d+) was opening a deal for the same client", "задание {job} открывало сделку для того же клиента"),
    (r"job (?P<job>\d+) was writing a client of the same contact point",
     "задание {job} писало клиента с тем же телефоном или почтой"),
    (r"job (?P<job>\d+) was writing a note of this chat", "задание {job} писало заметку этого чата"),
    (r"(?P<point>\w+): the card is gone or has other contact data now", "{point}: карточки нет или на ней другие контакты"),
    ("the records the CRM takes for the same person are somebody else's", "те, кого CRM приняла за него, — другие люди"),
    ("the card is not there any more", "карточки больше нет"),
    ("the CRM has this client already", "такой клиент в CRM уже есть"),
    ("settled meanwhile", "исход тем временем выяснен"),
))  # fmt: skip


def detail_of(detail: str, language: Language) -> str:
    """What stands beside a step."""
    if language == "ru":
        for pattern, russian in _DETAILS_RU:
            found = pattern.fullmatch(detail)
            if found is not None:
                parts = found.groupdict()
                return russian.format(**{**parts, "kind": _KINDS_RU.get(parts.get("kind", ""), parts.get("kind"))})
    return detail


def said_of(what: str, language: Language) -> str:
    if language == "en":
        return what.replace(".", " ") if "." in what else what.replace("_", " ")
    if what in _RU:
        return _RU[what]
    if what.startswith("read what was "):
        return f"чтение найденного: {said_of(what.removeprefix('read what was '), language)}"
    found = _OF_A_KIND.fullmatch(what)
    if found is None:
        return what
    return f"{_VERBS_RU[found['verb']]}: {_KINDS_RU.get(found['kind'], found['kind'])}{found['rest']}"
