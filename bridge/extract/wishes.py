"""What the visitor asks us not to do: "do not call me, write"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bridge.model import Role, Wishes

from .transcript import Line

#: Without one of these nothing is said of calls.
_SIGN = re.compile(r"звон|телефон|письм|переписк|набир|call|phone|\bring|only|writ|anruf|llam|liga|ligue|прозв")
#: Requests. Each is read within one clause.
_NO_CALLS = re.compile(
    r"(?:"
    r"не (?:надо |нужно |стоит |следует |хочу,? чтобы )?(?:мне |нам |меня |сюда |больше |пожалуйста |вы |просто ){0,6}(?:звон"
    r"|позвон|перезвон|названив|набир|обзван)\w{1,20}"
    r"|(?:звонить|звонков|перезванивать|набирать)(?: мне| сюда| пожалуйста| больше){0,6} (?:не|ненадо)(?: надо| нужно| стоит"
    r"| следует| хочу| желательно)?"
    r"|без (?:телефонных )?(?:звонков|прозвон\w{0,12})|никаких звонков|звонки не (?:принимаю|люблю|нужны|беру)"
    r"|на звонки не отвечаю"
    r"|трубку не беру"
    r"|(?:только|лучше|исключительно|строго) (?:письменно|в письменном виде|перепиской|переписк\w{1,20}|сообщени\w{1,20}"
    r"|смс)(?:,? (?:не"
    r"|без)\W.{0,20}звон\w{1,20})?"
    r"|не (?:треба |потрібно |варто )?(?:мені |нам |більше |будь ласка ){0,6}(?:подзвон|передзвон|дзвон|телефон|набира)\w{1,20}"
    r"|(?:дзвонити|телефонувати)(?: мені)? (?:не|непотрібно)(?: треба| потрібно| варто)?|без дзвінків|жодних дзвінків"
    r"|тільки (?:письмово|листування)"
    r"|(?:please |pls )?(?:don'?t|do not|dont|never|no need to|please not|not to|rather not|prefer not to|without) (?:ever "
    r"|please |try to |you )?(?:be )?(?:call(?:ed|ing)?|phon(?:e|ed|ing)|ring(?:ing)?)\b"
    r"|no (?:phone )?calls?\b(?! (?:from|yet|back|so far|center|centre))|(?:email|text|chat|writing|messages?) only\b"
    r"|only (?:by |via |in )?(?:email|text|chat|writing|messages?)\b"
    r"|(?:prefer|rather) (?:text|texts|email|messages|writing|chat)s? (?:over|to|than|instead of) (?:a )?(?:calls?|phone)"
    r"|(?:bitte )?(?:nicht|keine) anruf\w{0,12}|no me llam\w{1,20}|não (?:me )?(?:ligue|liguem|telefone)"
    r")"
)
#: With these before it in the clause it is a complaint, a question or a story.
_STORY = re.compile(
    r"\b(?:почему|чего|зачем|отчего|до сих пор|так и|опять|если|никто|что ж|что же|уже|вчера|чому|якщо|ніхто|why|if|still"
    r"|nobody|no one|you (?:said|promised)|haven'?t|didn'?t|когда|раз вы)\b"
)
#: With these after it it is about a time, another number, or a reason: not a wish for good.
_LIMITED = re.compile(
    r"^[^.!?\n]{0,12}?(?:\b(?:до|после|раньше|позже|сейчас|сегодня|в выходные|по выходным|ночью|вечером|утром|рано|поздно"
    r"|в рабочее|с \d|в \d|зараз|після|before|after|until|between|now|today|at night|on weekends|during|at this moment"
    r"|right now|this number|that number|на этот|на тот|на него|по этому|по тому|на старый|на рабочий|на домашний|на другой"
    r"|з цього|him|her|them|ему|ей|им|мужу|жене)\b|[^.!\n]{0,40}\?)"
)
#: A clause that makes it a wish whatever stands before.
_AGAIN = re.compile(
    r"(?<!не )(?<!not )(?<!n't )\b(?:можете (?:по|пере)?звонить|можно (?:по|пере)?звонить|(?:тогда |ладно,? |ок,? |лучше "
    r"|давайте |уже )(?:по|пере)?звоните|(?:жду|буду ждать) (?:вашего )?звонка|звоните (?:смело|в любое)|(?:you can|you may"
    r"|ok to|please|better) (?:call|phone|ring)(?: me)?|call me|можете дзвонити|чекаю дзвінка|передзвоніть)\b"
)
_CLAUSE = re.compile(r"[^.!?\n;]{1,400}[.!?\n;]?")
_SHOWN = 160


def wishes(lines: Iterable[Line]) -> Wishes:
    """The visitor's wishes; the last word counts."""
    said: str | None = None
    for line in lines:
        if line.role is not Role.VISITOR or not _SIGN.search(line.low):
            continue
        for clause in _CLAUSE.finditer(line.low):
            wish = _wish(clause.group())
            if wish:
                start, end = line.text.written(clause.start(), clause.end())
                said = line.written[start:end].strip()[:_SHOWN]
            elif said and _AGAIN.search(clause.group()):
                said = None
    return Wishes(no_calls=said)


def _wish(clause: str) -> bool:
    for match in _NO_CALLS.finditer(clause):
        if _STORY.search(clause, 0, match.start()) and "пожалуйста" not in clause and "please" not in clause:
            continue
        if not _LIMITED.match(clause[match.end() :]):
            return True
    return False
