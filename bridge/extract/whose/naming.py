"""Whose name or trade a contact stands behind: «у соседки Валентины Петровны, 8 964 …», «заберёт Андрей 8 …».

The words are walked from the contact outwards, over labels and names, until one says who it is or that it is nobody's.
"""

from __future__ import annotations

import re

from bridge.extract.reading.normal import Normal
from bridge.extract.reading.patterns import listed
from bridge.extract.seen import BESIDE, TITLED, Verdict
from bridge.extract.whose.roles import Person, person
from bridge.model import Claim

_WINDOW = 100
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+){0,3}\.?")
#: Ends of sentences; «тел.», «г.» and initials end none.
_BREAK = re.compile(r"(?<![\s.(][^\W\d_])(?<!тел)(?<!моб)(?<!сот)(?<!раб)(?<!доб)(?<!ул)(?<!mr)(?<!dr)(?<!mrs)[.!?;…]+(?=\s|$)")
#: Words between a name and its number that say nothing of whose it is.
_LABELS = listed(
    "тел телефон телефона телефону телефоном номер номера номеру моб мобильный мобильного сот сотовый сотовому раб рабочий"
    " домашний городской почта почту почте мейл имейл емейл адрес контакт контакты контактный на по в под и а или это"
    " вот тут есть"
    " зовут имя фио его ее їх його її ватсап вотсап вацап вайбер телега телеграм тг личный пошта phone tel telephone"
    " cell mobile mob"
    " number no email e-mail mail at on is are name named called contact whatsapp viber handy telefon telefonnummer nummer"
    " handynummer mobil unter ist the нөмірі телефоны тел-н доб вн"
)
_SELF = listed(
    "я мне меня мной мой моя мое мои мою моего моей моем моему нам нас мы мені мене мій моє мої ми i i'm im me my mine"
    " we us our ich"
    " mein meine mich mir wir мен менің маған біз"
)
#: Before a person: it is sought, visited or spoken about, and the number is another matter.
_SOUGHT = listed(
    "нужен нужна нужны нужно надо ищу ищем ищете требуется требуются вызвать вызов вызовите заказать закажу записаться запишите"
    " запись записать прием приём приему к консультация консультацию услуги услуга позовите соедините переключите"
    " пригласите жду ждем"
    " потрібен потрібна шукаю need want looking for hire get see suche brauche wegen"
)
_ABOUT = listed("для за про о об от как через без при над насчет бы of about for für от имени")
_AM = listed("я i i'm im am как bin ich ми мы")
_OURS = listed("мой моя мои наш наша наши мій моя my our unser unsere mein meine the der die das dem den der")
#: What the one who will be there does.
_MEETS = listed(
    "заберет забирает заберут получит получает встретит встречает встретят примет принимает примут откроет открывает"
    " выйдет подойдет"
    " подъедет подъезжает спустится передаст отдаст покажет оплатит оплачивает платит подпишет подписывает расскажет"
    " объяснит скажет"
    " ответит отвечает решает разбирается занимается ведет привезет везет доставит доставляет едет приедет руководит"
    " курирует поедет"
    " проводит сопровождает распишется живет остается останется будет дежурит работает зустріне забере отримає прийме відкриє"
    " передасть handles handle manages decides meets meet collects opens signs pays receives lives runs knows drives"
    " coordinates"
    " will organises organizes answers talk speak ask kümmert macht öffnet nimmt holt empfängt"
)
_GAVE = listed("дал дала дали прислал прислала прислали оставил оставила оставили скинул скинула скинули gave sent left дав")
_VERB = re.compile(r"(?:[тл]ь|ла|ло|ли|л|ет|ит|ют|ут|ат|ят|ем|им|ешь|ишь|ся|сь|те|ти|йте)$")
#: Before a name: one speaks of somebody else.
_TO_SOMEBODY = listed("с со к у через with via")
_NAMES = 4
_SMALL = 2
#: How many words before the contact a person still has to do with it.
_CLOSE = 9
#: Of them one speaks to explain what one needs: pupils, patients, those who get a present.
_IN_NEED = listed(
    "сын сына сыну сыном сынок дочь дочка дочки дочке дочку дочери дочерью ребенок ребенка ребенку внук внука внуку"
    " внучка внучки"
    " внучку донька доньки син сина son daughter kid niece nephew sohn tochter балам ұлым қызым подарок подарка"
    " сюрприз букет торт лет"
    " года годика класс юбилей болит кашляет температура заболел заболела хочет gift present birthday cake years"
)
_LINK_WORDS = 10
_LONGEST_NAME = 70
_ONES_OWN = frozenset({"свой", "свою", "свои"})


def named(text: Normal, start: int, floor: int) -> Verdict | None:
    """What the name, kinship or trade right before the contact at `start` says; None if there is none."""
    window = text.low[max(floor, start - _WINDOW) : start]
    if not _LETTER.search(window):
        return None
    base = start - len(window)
    last = 0
    strict = False
    for match in _BREAK.finditer(window):
        if window[match.end() :].strip(" \n:–-()"):
            last = match.end()
        else:
            strict = True
    words = [(match.group().rstrip("."), base + match.start()) for match in _WORD.finditer(window, last)]
    verdict = _walk(words, text.text, 0 if strict else _SMALL)
    return verdict or _who_sees_to_it([word for word, _ in words], handed=strict)


def named_before(text: Normal) -> Verdict | None:
    """What a line without a contact says of the contact that follows it alone."""
    words = [match.group().rstrip(".") for match in _WORD.finditer(text.low, max(0, len(text.low) - _WINDOW))]
    return _who_sees_to_it(words, handed=True)


def _who_sees_to_it(words: list[str], *, handed: bool) -> Verdict | None:
    """`handed`: only one who is to do something; else whoever the sentence speaks of.

    «этим занимается муж, 8 …», "my son-in-law handles these things. 541 …": unless the visitor is spoken of after that.
    """
    for at in range(len(words) - 1, -1, -1):
        if words[at] in _SELF and (at + 1 == len(words) or words[at + 1] not in _OURS) and words[at] not in _OURS:
            return None
        if person(words[at]) is not Person.OTHER:
            continue
        if any(word in _SOUGHT or word in _ABOUT or word in _AM for word in words[max(0, at - 2) : at]):
            return None
        sees = any(word in _MEETS for word in words[max(0, at - 3) : at + 4])
        close = len(words) - at <= _CLOSE and words[at] not in _IN_NEED and _IN_NEED.isdisjoint(words)
        return Verdict(Claim.OTHER, 67 if sees else 40, "person") if sees or (close and not handed) else None
    return None


def _walk(words: list[tuple[str, int]], text: str, small: int) -> Verdict | None:
    """`small`: how many words without a capital may be names."""
    names = 0
    gave = False
    led = False  # the word after this one is a name
    for back in range(1, min(len(words), _LINK_WORDS) + 1):
        word, at = words[-back]
        if word in _LABELS and word not in _TO_SOMEBODY:
            led = False
            continue
        gave = gave or word in _GAVE
        if word in _GAVE or word in _ONES_OWN or (gave and word in _SELF):
            continue  # «тренер дала мне свой номер»
        who = person(word)
        if who is not None:
            return _of(who, [one for one, _ in words[:-back]], names, gave=gave)
        if (word in _MEETS and names) or (led and word in _TO_SOMEBODY and not _sought(words, back)):
            return BESIDE
        led = text[at].isupper()
        small -= not led
        names += 1
        if word in _SELF or names > _NAMES or small < 0 or (not led and _no_name(word)):
            break
    return None


def _no_name(word: str) -> bool:
    return word in _SOUGHT or word in _ABOUT or bool(_VERB.search(word))


def _sought(words: list[tuple[str, int]], back: int) -> bool:
    """«записаться к Ивановой»: whoever says so wants something of her, and the number is their own."""
    return any(word in _SOUGHT or word.startswith("запис") for word, _ in words[-back - 2 : -back])


def _of(who: Person, before: list[str], names: int, *, gave: bool) -> Verdict | None:
    """What it says that the contact stands behind this person; `before`: the words before the person, in order."""
    near = before[-2:]
    if gave:
        return Verdict(Claim.OTHER, 91, "given-by")
    if any(word in _AM or word in _SOUGHT for word in near):
        return None
    if near and near[-1] in _ABOUT and not names:
        return None
    if who is Person.OTHER or who is Person.OBLIQUE or any(word in _OURS for word in near):
        return BESIDE
    if any(word in _MEETS for word in near):
        return BESIDE
    return TITLED


def named_after(text: Normal, end: int, ceiling: int) -> Verdict | None:
    """What the person named right after the contact says: «8 918 … начальница участка», "(my landlord)"."""
    before = _AFTER.match(text.low, end, ceiling)
    first = _WORD.match(text.low, before.end(), ceiling) if before else None
    if first is None or before is None or (ceiling < len(text.low) and "," in before.group()):
        return None  # behind a comma the next contact's person is named
    who = person(first.group().rstrip("."))
    following = _WORD.search(text.low, first.end(), min(ceiling, first.end() + 25))
    if who is None or (following is not None and (_VERB.search(following.group()) or following.group() in _SELF)):
        return None
    if who is Person.TITLE and not any(word in _OURS for word in before.group().split()):
        return TITLED
    return BESIDE


def spoken_of(low: str) -> bool:
    """Whether a line speaks of somebody who is to be met, called, or handed something to."""
    words = [match.group() for match in _WORD.finditer(low)]
    return any(
        person(word) in {Person.OTHER, Person.OBLIQUE}
        and not any(one in _SOUGHT or one in _AM for one in words[max(0, at - 2) : at])
        for at, word in enumerate(words)
    ) and bool(_HANDED.search(low))


_AFTER = re.compile(
    r"[\s,.(:–-]{0,4}(?:(?:это|то|це|is|that's|it's|номер|телефон|моего|моей|мой|моя|наш|наша|нашего|нашей|мого|my|our|the|of)"
    r"\s{1,2}){0,3}"
)
_HANDED = re.compile(
    r"(?:остав|отда|забер|забир|встрет|получ|прим[еу]т|принима|откро|связ|свяж|звон|набер|переда|договор|спрос|обращ"
    r"|контакт|номер"
    r"|\bтел|координат|\bleave|pick|meet|open|contact|call|collect|let |hand |deliver|dial|text|зв'яж|дзвон|телефон"
    r"|віддай|абгеб)"
)
_LABEL_ONLY = re.compile(r"[\s,:.()–-]{0,6}(?:[^\W\d_]{2,20}[\s,:.()–-]{1,4}){0,3}$")


def bare(low: str, start: int) -> bool:
    """Whether before the contact stand at most three words in the line: a name, not a sentence."""
    return start <= _LONGEST_NAME and bool(_LABEL_ONLY.match(low[:start])) and not any(
        match.group().rstrip(".") in _SELF for match in _WORD.finditer(low, 0, start)
    )
