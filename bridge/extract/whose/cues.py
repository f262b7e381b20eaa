"""What cues are made of: words beside a contact that say whose it is. `before` and `after` have the tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.extract.reading.gates import gate, matches_ascii
from bridge.extract.reading.patterns import any_of, words
from bridge.extract.whose.people import DATIVE, GENITIVE, NOMINATIVE
from bridge.model import Claim

CALL = any_of(
    r"(?:по|пере)?(?:звон|дзвон)(?:ите|ить|и|іть|ити)", r"набер(?:ите|и|іть|ет)", r"(?:на)?пиш(?:ите|и|іть)", "писать",
    r"свяж(?:итесь|ись)", r"связ(?:аться|ывайтесь)", r"отправ(?:ьте|ляйте|ить|лять)",
    words("маякните скиньте пришлите присылайте прислать вышлите выслать передайте телефонуйте зателефонуйте передзвоніть"),
    words("подзвоніть надішліть наберіть дублируйте продублируйте позвонит перезвонит звонит набрать запишите"),
)  # fmt: skip
LITTLE = r"(?:\s{1,3}[\w.'-]{1,20}){0,2}?"
SOME = r"(?:\s{1,3}[\w«».-]{1,20}){0,4}?"
OF_NUMBER = (
    r"(?:\s{1,3}(?:вашего|ваш|этого|этот|какого-то|неизвестного|незнакомого|номера|номер|номеру|телефона|телефон|адреса"
    r"|адрес|почты|почту|ящика|городского|мобильного|своего|моего|пошти)){0,6}"
)
END = r"(?=[\s:,(«\"–-]{0,4}$)"
END_TIGHT = r"(?=[\s:(«\"–-]{0,4}$)"
MINE = words("мой моя мое мои моего моему мою моем моей моим наш наша наше наши нашу нашим свой своя свою мій мою менің біздің")
WROTE = r"(?:звонил|писал|набирал|отправлял|отправил|написал|переслал|оставлял|дзвонив|дзвонил|писав|телефонувал)(?:а)?"
NOT_PEOPLE = rf"(?!(?:{NOMINATIVE}|{GENITIVE}|{DATIVE})\b)"


#: Behind «позвоните», what ends like a dative and names nobody.
NOT_DATIVE = (
    r"(?!(?:мне|мені|лучше|после|позже|раньше|уже|еще|ще|или|прямо|домой|больше|скорее|заранее|пораньше|обязательно"
    r"|завтра|потом"
    r"|вечером|почте|почту|номеру|телефону|мобильному|сотовому|городскому|рабочему|домашнему|адресу|такому|этому|моему"
    r"|моей|нашему"
    r"|своему|той|этой|менше|тому|любому|другому|сразу|пожалуйста|сюда|нему|одному|второму|первому|старому|новому|эту"
    r"|счету|смету"
    r"|заявке|заявку|цене|поводу|вопросу|заказу|доставке|инфу|информацию|ссылку|готовности|возможности|поэтому|потому"
    r"|минуту|среду"
    r"|пятницу|субботу|неделю|личку|группу|будке|указанному|контактному|нижеуказанному|последнему|основному)\b)"
)
#: Behind "call", what is no name.
NOT_NAME = (
    r"(?!(?:me|us|back|on|at|to|my|the|this|that|these|those|tomorrow|today|tonight|after|before|between|anytime"
    r"|please|now|when|if"
    r"|asap|here|and|only|instead|directly|him|her|them|it|via|from|for|number|details|info|any|over|first|again|soon"
    r"|later|around"
    r"|during|about|with|center|centre|phone|number|mobile|cell|either|preferred|best|you|your|our|a|an|support|service)\b)"
)


@dataclass(frozen=True, slots=True)
class Cue:
    """`strength`: of what is said about one contact in a chat, the strongest counts."""

    claim: Claim
    strength: int
    rule: str
    alternatives: tuple[str, ...]
    #: any of them
    pattern: re.Pattern[str]
    #: what stands in every text that the pattern matches, one of these at least
    gate: tuple[str, ...]


def _cue(claim: Claim, strength: int, rule: str, alternatives: tuple[str, ...]) -> Cue:
    pattern = re.compile(any_of(*alternatives))
    return Cue(claim, strength, rule, alternatives, pattern, gate(pattern))


def for_ascii(cues: Iterable[Cue]) -> tuple[Cue, ...]:
    """The same for texts of ASCII alone, without what cannot match there: two thirds of most."""
    return tuple(
        cue if left == cue.alternatives else _cue(cue.claim, cue.strength, cue.rule, left)
        for cue in cues if (left := tuple(filter(matches_ascii, cue.alternatives)))
    )  # fmt: skip


def own(rule: str, strength: int, *alternatives: str) -> Cue:
    return _cue(Claim.OWN, strength, rule, alternatives)


def other(rule: str, strength: int, *alternatives: str) -> Cue:
    return _cue(Claim.OTHER, strength, rule, alternatives)


def unclear(rule: str, strength: int, *alternatives: str) -> Cue:
    return _cue(Claim.UNCLEAR, strength, rule, alternatives)
