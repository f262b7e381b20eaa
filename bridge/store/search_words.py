"""What a chat is found by, and what somebody who looks for one means. No I/O: the index and the question must agree.

Words stand in the index as they are, but for case and for ё, which people write as е. Phones stand there by their digits from the
last one backwards, so that `8 916…`, `+7 916…` and the last four digits lead to the same chat; e-mails in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bridge.model import Chat, Correction, Plan, PointKind, Role

#: characters of a chat that are indexed, and words of a question that count
LONGEST, MOST_WORDS = 20_000, 8
#: characters of a word that are indexed; a question is no longer, and engines have a limit of their own
LONGEST_WORD = 200
#: of a chat: phones and e-mails that it is found by
MOST_POINTS = 20
#: digits that make a phone in a text, and those from the end by which two ways of writing one number agree
SHORTEST_PHONE, TELLING = 7, 9
#: digits that somebody must type before it is taken for a piece of a phone
SHORTEST_PIECE = 4
#: the greatest character: every text that begins with x lies between x and x + this
END = "\U0010ffff"

_WORD = re.compile(r"[^\W_]+")
#: every sign of ASCII that stands in no word
_ONLY_BLANKS = {code: " " for code in range(128) if not chr(code).isalnum()}
_PHONE = re.compile(r"\d(?:[\s().·\u2010-\u2015-]{0,3}\d){6,17}")
_EMAIL = re.compile(r"[^\s@<>\"'(),;:=?&/\\]{1,64}@[^\s@<>\"'(),;:=?&/\\]{1,253}\.[^\W\d_]{2,24}")
_NOT_DIGITS = re.compile(r"\D+")
_ONLY_PHONE = re.compile(r"[\d\s().·+\u2010-\u2015-]+")
#: Russian words are declined at their ends: the last letters of a long one are left open
_DECLINED = re.compile(r"[а-я]{5,}")
_ENDING = 2
_SILENT = frozenset({Role.SYSTEM, Role.BOT})


@dataclass(frozen=True, slots=True)
class Looked:
    """A question, read. What is found by any of the three counts."""

    #: for the text index; empty: no words were asked for
    words: str = ""
    #: spans of `chat_points.value`
    point: tuple[str, str] | None = None
    #: a chat's id at its chat service, as it was typed
    chat_id: str = ""

    def __bool__(self) -> bool:
        return bool(self.words or self.point or self.chat_id)


def folded(text: str) -> str:
    return text.lower().replace("ё", "е")


def words_of(chat: Chat) -> str:
    """Every word of a chat once."""
    visitor = chat.visitor
    texts = [*filter(None, (visitor.name, visitor.first_name, visitor.last_name, visitor.company, visitor.city, chat.topic))]
    texts += [one.name for one in chat.operators if one.name]
    texts += [message.text for message in chat.messages if message.role not in _SILENT]
    words = _words(folded("\n".join(texts)[:LONGEST]))
    if max(map(len, words), default=0) > LONGEST_WORD:
        words = [word[:LONGEST_WORD] for word in words]
    return " ".join(dict.fromkeys(words))


def _words(text: str) -> list[str]:
    """Runs of letters and digits. Where nothing but ASCII stands, they are told apart in a third of the expression's time."""
    return text.translate(_ONLY_BLANKS).split() if text.isascii() else _WORD.findall(text)


def points_of(chat: Chat) -> list[str]:
    """Phones and e-mails as they stand in fields and in what the visitor wrote, whoever's they are."""
    said = "\n".join(message.text for message in chat.messages if message.role is Role.VISITOR)[:LONGEST]
    phones: Iterable[str] = (*chat.visitor.phones, *_PHONE.findall(said))
    emails: Iterable[str] = (*chat.visitor.emails, *(_EMAIL.findall(said) if "@" in said else ()))
    return _values(phones, emails)


def points_of_plan(plan: Plan) -> list[str]:
    """Those that the extraction has found: also spelt out in words, or cut over several messages."""
    scope = plan.operations[0].scope if plan.operations else {}
    return _values(_texts(scope.get("phones")), _texts(scope.get("emails")))


def points_of_correction(corrected: Correction) -> list[str]:
    """Those that a person has added."""
    phones = [point.value for point in corrected.added if point.kind is PointKind.PHONE]
    return _values(phones, [point.value for point in corrected.added if point.kind is PointKind.EMAIL])


def read_question(text: str) -> Looked:
    """What somebody typed: a piece of a phone, an e-mail or its beginning, else words or a chat's id."""
    text = text.strip()[:200]
    if not text:
        return Looked()
    if "@" in text and not text.startswith("@") and " " not in text:
        begin = f"e{text.lower()}"
        return Looked(point=(begin, begin + END))
    digits = _NOT_DIGITS.sub("", text)
    if _ONLY_PHONE.fullmatch(text) and digits.isascii() and len(digits) >= SHORTEST_PIECE:
        begin = f"p{digits[::-1][:TELLING]}"
        return Looked(point=(begin, begin + END), chat_id=text)
    words = list(dict.fromkeys(_WORD.findall(folded(text))))
    # nearly every chat has a word that begins with some letter: beside longer words it tells nothing and costs much
    words = ([word for word in words if len(word) > 1] or words)[:MOST_WORDS]
    return Looked(words=" ".join(f'"{_stem(word)}"*' for word in words), chat_id=text if " " not in text else "")


def _stem(word: str) -> str:
    return word[:-_ENDING] if _DECLINED.fullmatch(word) else word


def _values(phones: Iterable[str], emails: Iterable[str]) -> list[str]:
    digits = (_NOT_DIGITS.sub("", phone)[::-1] for phone in phones)
    found = dict.fromkeys(f"p{one}" for one in digits if len(one) >= SHORTEST_PHONE and one.isascii())
    found |= dict.fromkeys(f"e{email.lower()}" for email in emails if email)
    return list(found)[:MOST_POINTS]


def _texts(value: object) -> Iterator[str]:
    yield from (one for one in value if isinstance(one, str)) if isinstance(value, list | tuple) else ()
