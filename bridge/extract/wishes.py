"""What the visitor asks us not to do: "do not call me, write"."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bridge.extract.reading.gates import gated
from bridge.extract.reading.patterns import any_of, has_any
from bridge.extract.transcript import Line
from bridge.model import Role, Wishes

#: Without one of these nothing is said of calls.
_SIGNS = ("звон", "званив", "телефон", "письм", "переписк", "набир", "call", "phone", "ring", "only", "writ", "anruf",
          "llam", "lig", "прозв")  # fmt: skip
_FILL = r"(?:мне |нам |меня |сюда |больше |пожалуйста |вы |просто |вообще ){0,4}"
_RING = r"(?:(?:по|пере|об)?звон(?:ите|ить|и)|(?:пере|на|об)званив(?:айте|ать|ай)|набира(?:йте|ть|й))(?!\w)"
_NO_CALLS = gated(
    any_of(
        rf"не (?:надо |нужно |стоит |следует |хочу,? чтобы )?{_FILL}{_RING}",
        r"(?:звонить|перезванивать|набирать)(?: мне| сюда| пожалуйста| больше){0,3} (?:не (?:надо|нужно|стоит|следует|хочу"
        r"|желательно)|ненадо)",
        r"без (?:телефонных )?(?:звонков|прозвон\w{0,12})",
        "никаких звонков", r"звонки не (?:принимаю|люблю|нужны|беру)", "на звонки не отвечаю", "трубку не беру",
        r"(?:только|лучше|исключительно|строго) (?:письменно|в письменном виде|перепиской|переписк\w{1,12}"
        r"|сообщени\w{1,12}|смс)",
        r"не (?:треба |потрібно |варто )?(?:мені |нам |більше |будь ласка ){0,3}(?:подзвон|передзвон|дзвон|телефон"
        r"|набира)(?:іть|ити|уйте|увати|йте|ти)",
        r"(?:дзвонити|телефонувати)(?: мені)? (?:не (?:треба|потрібно|варто)|непотрібно)", "без дзвінків", "жодних дзвінків",
        r"тільки (?:письмово|листування)",
        r"(?:don'?t|do not|dont|never|no need to|please not|not to|rather not|prefer not to|without) (?:ever |please |try to "
        r"|you )?"
        r"(?:be )?(?:call(?:ed|ing)?|phon(?:e|ed|ing)|ring(?:ing)?)\b",
        r"\bno (?:phone )?calls?\b(?! (?:from|yet|back|so far|center|centre))",
        r"\b(?:email|text|chat|writing|messages?) only\b",
        r"\bonly (?:by |via |in )?(?:email|text|chat|writing|messages?)\b",
        r"\b(?:prefer|rather) (?:text|texts|email|messages|writing|chat)s? (?:over|to|than|instead of) (?:a )?(?:calls?|phone)",
        r"(?:nicht|keine) anruf\w{0,12}", r"no me llam\w{1,12}", r"não (?:me )?(?:ligue|liguem|telefone)",
    )
)  # fmt: skip
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
    r"|з цього|him|her|them|ему|ей|им|мужу|жене)\b)"
)
#: A question about calls is a wish only if it is put as one.
_QUESTION = re.compile(r"[^.!\n]{0,40}\?")
_POLITE = re.compile(r"(?:можно|прошу|пожалуйста|будь ласка|please|could you|can you)")
#: A clause that makes it a wish whatever stands before.
_AGAIN = re.compile(
    r"(?<!не )(?<!not )(?<!n't )\b(?:можете (?:по|пере)?звонить|можно (?:по|пере)?звонить|(?:тогда |ладно,? |ок,? |лучше "
    r"|давайте |уже )(?:по|пере)?звоните|(?:жду|буду ждать) (?:вашего )?звонка|звоните (?:смело|в любое)|(?:you can|you may"
    r"|ok to|please|better) (?:call|phone|ring)(?: me)?|call me|можете дзвонити|чекаю дзвінка|передзвоніть)\b"
)
_CLAUSE = re.compile(r"[^.!?\n;]{1,400}[.!?\n;]?")
_SHOWN = 160


def wishes_in(lines: Iterable[Line]) -> Wishes:
    """The visitor's wishes; the last word counts."""
    said: str | None = None
    for line in lines:
        if line.role is not Role.VISITOR or not has_any(line.low, _SIGNS):
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
        after = clause[match.end() :]
        if _LIMITED.match(after):
            continue
        if _POLITE.search(clause) or not (_STORY.search(clause, 0, match.start()) or _QUESTION.match(after)):
            return True
    return False
