"""People by what they are to others: relatives, neighbours, trades, titles. Declined: a word is looked up, not guessed."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from bridge.extract.reading.patterns import listed


class Person(StrEnum):
    """What a word says of the one it names."""

    #: nobody introduces themselves so: a husband, a neighbour, a courier
    OTHER = "other"
    #: may be how the visitor signs: a director, an engineer
    TITLE = "title"
    #: a title in a case in which one speaks of others: «директору», «с бухгалтером»
    OBLIQUE = "oblique"


_OTHERS_RU = (
    "муж жена супруг супруга мама мать мамочка папа отец сын сынок дочь дочка дочурка брат братишка сестра сестренка бабушка"
    " бабуля дедушка внук внучка теща тесть свекровь свекор зять невестка сноха сватья тетя тетка дядя племянник племянница кум"
    " кума крестный крестная золовка деверь падчерица пасынок отчим мачеха друг дружок подруга подружка приятель приятельница"
    " парень девушка жених невеста знакомый знакомая сосед соседка родственник родственница одноклассник одноклассница"
    " однокурсник коллега напарник напарница сменщик сменщица компаньон водитель шофер водила курьер доставщик грузчик таксист"
    " дальнобойщик экспедитор крановщик продавец продавщица заводчик заводчица гид экскурсовод тренер инструктор учитель"
    " учительница воспитатель воспитательница преподаватель репетитор классная классный логопед няня нянечка сиделка медсестра"
    " прораб бригадир мастер монтажник сантехник электрик слесарь плиточник маляр столяр сварщик механик моторист автоэлектрик"
    " диспетчер охранник вахтер вахтерша консьерж консьержка комендант дворник завхоз кладовщик хозяин хозяйка хозяюшка"
    " домовладелец арендодатель наймодатель квартирант квартирантка жилец жиличка квартиросъемщик участник виновник"
    " потерпевший свидетель шеф босс помощница помощник ассистент ассистентка секретарша секретарь"
    " консультант оператор перекупщик поставщик подрядчик конкурент бывший бывшая опекун иждивенец компаньонка"
    " горничная домработница"
    " женщина мужчина мужик дама семья прежний уборщица садовник управдом именинница именинник старшая"
)
_TITLES_RU = (
    "директор гендиректор начальник начальница управляющий менеджер бухгалтер главбух инженер снабженец закупщик"
    " логист юрист адвокат нотариус врач доктор"
    " терапевт хирург педиатр стоматолог ветеринар администратор администраторша руководитель управленец представитель агент"
    " риелтор риэлтор дизайнер архитектор"
    " заведующий заведующая председатель сотрудник сотрудница специалист технолог заказчик покупатель клиент клиентка"
    " собственник"
    " собственница владелец владелица арендатор отправитель отправительница заместитель экономист кадровик партнер"
)
_OTHERS_UK = (
    "чоловік дружина мама тато батько мати син донька дочка брат сестра бабуся дідусь онук онука теща тесть зять невістка тітка"
    " дядько племінник племінниця кум кума подруга подружка друг приятель хлопець дівчина сусід сусідка знайомий знайома колега"
    " водій кур'єр продавець тренер вчитель вчителька викладач няня майстер виконроб консьєржка охоронець господар господиня"
    " орендодавець шеф начальник начальниця помічник помічниця секретарка бухгалтерка менеджерка"
)
_TITLES_UK = "директор бухгалтер менеджер інженер юрист лікар керівник представник власник власниця орендар замовник відправник"
_OTHERS_EN = listed(
    "husband hubby wife spouse mom mum mommy mother dad father son daughter brother sister grandmother grandma grandfather"
    " grandpa granny nan aunt auntie uncle cousin nephew niece friend boyfriend girlfriend fiance fiancé fiancee fiancée"
    " neighbor neighbour neighbors neighbours roommate flatmate housemate colleague coworker co-worker boss manager secretary"
    " assistant pa driver courier landlord landlady tenant tenants renter lodger lawyer solicitor attorney contractor builder"
    " foreman nanny sitter babysitter caretaker carer janitor concierge receptionist supervisor plumber electrician handyman"
    " mechanic realtor seller vendor supplier dealer insurer adjuster coach teacher tutor guide guardian stepson stepdaughter"
    " mother-in-law father-in-law son-in-law daughter-in-law sister-in-law brother-in-law ex partner parents kid organiser"
    " planner groom bride bridesmaid guy dispatcher vet breeder sponsor nurse"
)
_TITLES_EN = listed(
    "director accountant engineer owner agent broker doctor buyer customer client representative administrator ceo cfo cto head"
    " sender architect designer"
)
_OTHERS_DE = listed(
    "mann ehemann ehefrau gatte gattin mutter vater sohn tochter bruder schwester oma opa tante onkel neffe nichte freund"
    " freundin nachbar nachbarin kollege kollegen kollegin chef chefin hausmeister vermieter vermieterin mieter mieterin fahrer"
    " kurier makler maklerin handwerker verkäufer assistent assistentin sekretärin schwager schwiegermutter schwiegervater"
    " hausverwaltung hausverwalter bauleiter mitbewohner mitbewohnerin partnerin trainer lehrer lehrerin betreuer"
)
_OTHERS_KK = listed(
    "күйеу жұбай әйелім анам мамам шешем әкем папам ағам інім сіңлім қарындасым әпкем апам атам әжем балам ұлым қызым жиен көрші",
    "досым құрбым әріптес жүргізуші курьер шебер сатушы иесі бастығ жездем жеңгем нағашы",
)

#: Endings of a noun by how its nominative ends: what is cut off, what is put on.
_ENDINGS: tuple[tuple[str, str, str], ...] = (
    ("ец", "ец", "ца цу цом цем це цы цов цам цами"),
    ("ок", "ок", "ка ку ком ке ки ков кам"),
    ("ий", "ий", "его ему им ем ие их ими"),
    ("ый", "ый", "ого ому ым ом ые ых ыми"),
    ("ая", "ая", "ой ую ые ых ей ую"),
    ("ой", "ой", "ого ому ым ом"),
    ("мать", "ть", "тери терью тері тір'ю"),
    ("мати", "ти", "тері тір'ю терею"),
    ("дочь", "чь", "чери черью"),
    ("отец", "ец", "ца цу цом це"),
    ("ь", "ь", "я ю ем ем'е е и ей ям ями ью ём"),
    ("ія", "я", "ї ю єю"),
    ("я", "я", "и е ю ей ям і ею"),
    ("а", "а", "ы и е у ой ей ою ам і"),
    ("о", "о", "а у ом ові ем"),
    ("", "", "а у ом ем е и ы ов ам ами і ові еві ём"),
)
_IRREGULAR = {
    "брат": "братья братьев братьям", "друг": "друзья друзей друзьям другові", "сын": "синові",
    "дед": "дед деда деду дедом", "парень": "парня парню парнем", "жилец": "жильца жильцу жильцом жильцы жильцов",
    "дочка": "доці", "дочь": "дочке", "дружина": "дружині", "чоловік": "чоловікові", "подруга": "подрузі",
    "хлопець": "хлопця хлопцю", "продавець": "продавця продавцю", "орендодавець": "орендодавця орендодавцю",
    "батько": "батька батькові", "охоронець": "охоронця охоронцю", "теща": "тещей", "свекровь": "свекровью",
    "хозяин": "хозяева хозяев хозяевам", "родственник": "родители родителей родителям родителями", "жена": "женой",
    "мама": "мамин мамина", "бабушка": "бабушкин", "дедушка": "дед деда деду дедом", "водій": "водія водієві водієм",
    "донька": "доньці", "вчитель": "вчителя", "тато": "тата татові", "сусідка": "сусідці", "помічниця": "помічниці",
    "колега": "колезі", "майстер": "майстра майстру майстром майстрові", "владелец": "владельца владельцу владельцем",
    "домовладелец": "домовладельца",
}  # fmt: skip


def _declined(word: str) -> frozenset[str]:
    """The word's forms, without the nominative. Some of them are no words: they are only looked up."""
    _, cut, put_on = next(row for row in _ENDINGS if word.endswith(row[0]))
    stem = word.removesuffix(cut) if cut else word
    return frozenset({*(stem + end for end in put_on.split()), *_IRREGULAR.get(word, "").split()}) - {word}


def _table() -> dict[str, Person]:
    table: dict[str, Person] = {}
    for titles in (_TITLES_RU, _TITLES_UK):
        for word in titles.split():
            table.update(dict.fromkeys(_declined(word), Person.OBLIQUE))
            table[word] = Person.TITLE
    table.update(dict.fromkeys(_TITLES_EN, Person.TITLE))
    for others in (_OTHERS_RU, _OTHERS_UK):
        for word in others.split():
            table.update(dict.fromkeys((word, *_declined(word)), Person.OTHER))
    table.update(dict.fromkeys((*_OTHERS_EN, *_OTHERS_DE), Person.OTHER))
    return table


_PEOPLE = _table()
_STEMS_KK = tuple(_OTHERS_KK)


@lru_cache(maxsize=2048)
def person(word: str) -> Person | None:
    """What this word in lower case says of a person; None if it names none."""
    known = _PEOPLE.get(word)
    if known is not None:
        return known
    for tail in ("'s", "s'", "s"):
        if word.endswith(tail) and (known := _PEOPLE.get(word.removesuffix(tail))) is not None and word.isascii():
            return Person.OTHER if tail != "s" else known
    return Person.OTHER if word.startswith(_STEMS_KK) else None
