"""The lines of a trace in the page's language. What is not known here is shown as it was written."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridge.report.language import Language

_RU: Mapping[str, str] = {
    "find by phone": "поиск по телефону", "find by email": "поиск по почте", "find by external_id": "поиск по номеру на сайте",
    "find by visitor_id": "поиск по номеру посетителя", "find by all_phones": "поиск по всем телефонам",
    "read client": "чтение карточки", "find owner": "поиск ответственного", "list open deals": "поиск открытых сделок",
    "searched": "искали", "found.map": "известен по прошлым чатам", "found.again": "уже было записано", "broke": "сбой",
    "matched.found": "клиент найден", "matched.new": "новый клиент", "matched.ambiguous": "подходит несколько клиентов",
    "map.outdated": "запись о клиенте устарела", "planned.again": "план составлен заново", "operation.done": "сделано",
    "outcome.settled": "исход выяснен", "settling.other": "выясняется исход другого задания",
    "conflict.dismissed": "совпадение отвергнуто", "file.left": "файл не скопирован", "upload file": "передача файла",
}  # fmt: skip
_KINDS_RU: Mapping[str, str] = {
    "create": "клиент", "enrich": "дополнения", "note": "заметка", "deal": "сделка", "task": "задача", "file": "файл",
}  # fmt: skip
_OF_A_KIND = re.compile(r"(?P<verb>write|look for) (?P<kind>[a-z]+)(?P<rest>.*)")
_VERBS_RU: Mapping[str, str] = {"write": "запись", "look for": "проверка, записано ли"}


_FOUND = re.compile(r"(\d+) found")


def detail_of(detail: str, language: Language) -> str:
    """What stands beside a step."""
    found = _FOUND.fullmatch(detail)
    return f"найдено: {found[1]}" if found and language == "ru" else detail


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
