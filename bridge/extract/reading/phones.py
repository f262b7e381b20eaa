"""Phones in one text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bridge.extract.reading.digits import Group, Link, chains, letters_as_digits
from bridge.extract.reading.finds import Budget, Find
from bridge.extract.reading.normal import Normal
from bridge.extract.reading.not_contacts import blank, blanked, company_number, named_otherwise, part_of_code, phone_word_before
from bridge.extract.reading.plans import SHORT_PLAN, Announced, Reading, filler, read
from bridge.model import PointKind

_LEAST, _MOST = 7, 17
#: Groups of one chain that are looked at from one start: ten single digits and their prefix, and some.
_GROUPS = 16
_EXTENSION = re.compile(
    r"[ ,;(]{0,3}(?:доб(?:\.|авочн\w{2,3}|ав\.?)?|вн(?:\.|утр\.?|утренн\w{2,3})?|дод\.?|додатков\w{2}|ext(?:\.|ensi[oó]n|ensão)?"
    r"|extn\.?|;ext=|ramal|durchwahl|dw|anexo|interno"
    r"|(?:в )?тон(?:\.|овый|овым|овом)?(?: режиме?)?|x|х|#)(?: (?:номер|number|nummer))?[ .:№=#-]{0,4}(\d{1,6})(?!\d)"
)
_SAID_AFTER = re.compile(r"\W{0,3}(?:это |is |це |- )?(?:(?:мой|мій|my|наш|our) )?(?:номер\b|тел\b|телефон\b|моб|cell|phone"
    r"|number|вотс|ватс|whats|вайбер|viber)(?! заказа| договора)")
_EXTENSION_SAID = re.compile(r"[ ,;(]{0,3}(?:доб|вн\.|внутр)")
_DIGIT = re.compile(r"\d")
_RANGE = re.compile(r"(?P<sign> ?/ ?|, ?-)(?P<last>\d{2,4})(?![\d-]|[.,:]\d)")
#: Two lines of one house lie no farther apart, if nothing but the sign between them says that they are two.
_NEAR = 10
#: 8 495 231-45-60, 231-45-61: the second one goes without the area code, and is parted alike.
_SAME_AREA = re.compile(r"(?: ?[,;/] ?| (?:и|или|та|або|and|or|und|oder) )(?P<last>\d{3}-\d{2}-\d{2})"
    r"(?![\d-]| ?\d| ?(?:руб|р\b|шт))")
_LOCAL_SIZE = 11
_LOCAL = re.compile(r"(?<![\d-])[ )]?\d{3}-\d{2}-\d{2}$")
_RANGE_LEAST = 2
#: How a number is parted that has slashes between all of its groups.
_SLASHED = ((1, 3, 3, 2, 2), (3, 3, 2, 2), (3, 3, 4))
#: Nine groups and more: digit by digit.
_SINGLE = 7


@dataclass(frozen=True, slots=True)
class Expecting:
    """What the conversation leads one to expect of the text."""

    #: a phone was asked for
    phone: bool = False
    #: something else with digits was asked for, by name ("order"), and no phone
    other: str | None = None


@dataclass(slots=True)
class _Text:
    text: str
    low: str
    regions: tuple[str, ...]
    expecting: Expecting
    budget: Budget


def phones_in(
    normal: Normal,
    regions: tuple[str, ...],
    budget: Budget,
    *,
    expecting: Expecting | None = None,
    taken: list[tuple[int, int, str]] | None = None,
) -> Iterator[Find]:
    """Phones, and what looks like one and was dropped, in order. `taken`: spans that are something else already."""
    if budget.is_spent():
        return  # none could be checked
    text = blank(normal.text, taken or [])
    low = blank(normal.low, taken or [])
    text = letters_as_digits(text)
    clean, gone = blanked(text, low)
    here = _Text(clean, low, regions, expecting or Expecting(), budget)
    for start, end, rule in gone:
        if len(_DIGIT.findall(text, start, end)) >= _LEAST:
            yield Find(kind=PointKind.PHONE, start=start, end=end, value=None, rule=rule)
    for chain in chains(clean):
        yield from _in_chain(chain, here)


def _in_chain(chain: list[Group], here: _Text) -> Iterator[Find]:
    finds = list(_numbers_in(chain, here))
    if finds:
        yield from finds
    elif sum(len(group.digits) for group in chain) >= _LEAST:
        yield Find(kind=PointKind.PHONE, start=chain[0].start, end=chain[-1].end, value=None, rule="in-no-plan")


def _numbers_in(chain: list[Group], here: _Text) -> Iterator[Find]:
    place = 0
    stray: Group | None = None  # the group before, if it belongs to nothing
    while place < len(chain) and not here.budget.is_spent():
        found = _longest(chain, place, here, stray)
        if found is None:
            stray = chain[place]
            place += 1
            continue
        last, reading = found
        yield from _judged(chain, place, last, reading, here)
        place = last + 1
        if place < len(chain) and chain[place].link is Link.SLASH and len(chain[place].digits) <= 4:  # noqa: PLR2004 - 60/61
            place += not _slash_begins_another(chain, place, here)
        stray = None


def _longest(chain: list[Group], first: int, here: _Text, stray: Group | None) -> tuple[int, Reading] | None:
    """The longest run of groups from `first` on that is a valid number, and its reading."""
    start = chain[first]
    if stray is not None and start.link is Link.TIGHT and not start.plus:
        return None  # the end of something longer
    sizes: list[tuple[int, str]] = []
    digits = ""
    for place in range(first, min(first + _GROUPS, len(chain))):
        group = chain[place]
        if place > first and (group.plus or not _may_join(chain, first, place)):
            break
        digits += group.digits
        if len(digits) > _MOST:
            break
        sizes.append((place, digits))
    for place, whole in reversed(sizes):
        if len(whole) < _LEAST:
            break
        if place + 1 < len(chain) and chain[place + 1].link is Link.TIGHT and not chain[place + 1].plus:
            continue  # the rest of something longer
        if not here.budget.take():
            return None
        reading = read(whole, plus=start.plus, regions=here.regions)
        if reading is not None and _written_like_one(chain, first, place, reading, here, stray):
            return place, reading
    return None


def _may_join(chain: list[Group], first: int, place: int) -> bool:
    link = chain[place].link
    if link is Link.SLASH:
        # 0170/…, 8-383/…
        head = 2 if len(chain[first].digits) == 1 else 1
        if place - first <= head and len(chain[first].digits) <= 6:  # noqa: PLR2004 - an area code with its prefix
            return True
        return _slashes_only(chain[first : place + 1])
    if link is Link.COMMA:
        # 8,916,123,45,67: only where commas are what joins all of it, and the head is a prefix
        return (chain[first].plus or chain[first].digits in {"8", "7", "0"}) and all(
            group.link is Link.COMMA for group in chain[first + 1 : place]
        )
    return True


def _slashes_only(groups: list[Group]) -> bool:
    """8/916/123/45/67, 646/317/8842: parted like a phone, by slashes alone."""
    sizes = tuple(len(group.digits) for group in groups)
    return any(sizes == whole[: len(sizes)] for whole in _SLASHED) and all(group.link is Link.SLASH for group in groups[1:])


def _written_like_one(
    chain: list[Group], first: int, last: int, reading: Reading, here: _Text, stray: Group | None
) -> bool:
    """Whether the run of groups is written as people write numbers, and is not the middle of something else."""
    if reading.announced is Announced.INTERNATIONAL and chain[first].plus:
        return True
    if reading.announced is Announced.CODE and last > first and len(chain[first].digits) in {2, 3} and reading.e164[1] == "7":
        return False  # 79 065 …: nobody parts it there
    bare = reading.announced is Announced.NOTHING
    lines = any(group.link is Link.LINE for group in chain[first + 1 : last + 1])
    torn = stray is not None and chain[first].link is Link.LOOSE
    if bare and (lines or torn) and not chain[first].bracket:
        return not torn and _expected(chain[first].start, chain[last].end, here)
    slash = any(group.link is Link.SLASH for group in chain[first + 1 : last + 1])
    return not (bare and slash) or (
        _slashes_only(chain[first : last + 1]) and _expected(chain[first].start, chain[last].end, here)
    )


def _expected(start: int, end: int, here: _Text) -> bool:
    return here.expecting.phone or phone_word_before(here.low, start) or bool(_SAID_AFTER.match(here.low, end))


def _judged(chain: list[Group], first: int, last: int, reading: Reading, here: _Text) -> Iterator[Find]:
    """The number taken or dropped, with its extension, and the second one of "60/61"."""
    start, end = chain[first].start, chain[last].end
    start = _with_signs(here.text, start)
    why_not = _why_not(chain[first : last + 1], reading, here)
    if why_not:
        yield Find(kind=PointKind.PHONE, start=start, end=end, value=None, rule=why_not)
        return
    extension = _EXTENSION.match(here.low, end) if here.low[end : end + 1] != "" else None
    whole_end = extension.end() if extension else end
    if extension and "(" in extension.group() and here.text[whole_end : whole_end + 1] == ")":
        whole_end += 1
    flags = (f"region:{reading.region}",) if reading.region and reading.region not in here.regions[:1] else ()
    yield Find(
        kind=PointKind.PHONE,
        start=start,
        end=whole_end,
        value=reading.e164,
        rule=f"phone-{reading.announced}",
        extension=extension.group(1) if extension else None,
        flags=(*flags, *(("service",) if reading.service else ())),
        certain=reading.announced is not Announced.NOTHING or _expected(chain[first].start, end, here),
    )
    if extension is None and end < len(here.text) and not _slash_begins_another(chain, last + 1, here):
        yield from _second_of_pair(end, reading, here)


def _slash_begins_another(chain: list[Group], place: int, here: _Text) -> bool:
    """Whether behind the slash stands a whole number, and not the last digits of a second one."""
    if place >= len(chain) or chain[place].link is not Link.SLASH:
        return False
    found = _longest(chain, place, here, None)
    return found is not None and not found[1].prefix_missing


def _with_signs(text: str, start: int) -> int:
    while start > 0 and text[start - 1] in "+( " and "+" in text[max(0, start - 4) : start] and text[start] != "+":
        start -= 1
    return start - 1 if start > 0 and text[start - 1] == "(" else start


def _why_not(groups: list[Group], reading: Reading, here: _Text) -> str | None:
    """The rule that says that this valid number is none; None: it is one."""
    start, end = groups[0].start, groups[-1].end
    if filler(reading.national):
        return "filler"
    if reading.announced is Announced.INTERNATIONAL and groups[0].plus:
        return None
    named = named_otherwise(here.low, start, end)
    if named or _expected(start, end, here):
        return named
    if here.expecting.other and (reading.announced is Announced.NOTHING or len(groups) == 1):
        return f"asked-{here.expecting.other}"
    return _doubt(groups, reading, here)


def _doubt(groups: list[Group], reading: Reading, here: _Text) -> str | None:
    start = groups[0].start
    sign = here.text[max(0, start - 1) : start]
    if sign == "#":
        return "numbered"
    if reading.announced is Announced.NOTHING:
        return _too_vague(reading, sign, here, groups)
    # ten digits after a 0 are a neighbour's number to the eye only where they stand apart
    run_on = len(groups) == 1 and reading.announced is Announced.PREFIX
    return "other-region" if run_on and reading.region not in here.regions[:1] else None


def _too_vague(reading: Reading, sign: str, here: _Text, groups: list[Group]) -> str | None:
    """Bare digits may fit a plan by chance: what is asked of them where no word says phone."""
    russian = reading.region in {"RU", "KZ"} and len(groups) == 1
    start = groups[0].start
    head = len(groups[0].digits)
    mobile = reading.national.startswith("9")
    landline = russian and not mobile and not _EXTENSION_SAID.match(here.low, groups[-1].end)
    doubts = (
        # a name that ends in digits, a parameter
        ("glued", sign == "=" or (sign.isalpha() and (sign.isascii() or sign.isupper())) or part_of_code(here.low, start)),
        # 9201-7406-78: mobiles are parted after the third digit, or pair by pair, or digit by digit
        ("odd-groups", mobile and reading.region in {"RU", "KZ"} and head not in {2, 3, 10} and len(groups) <= _SINGLE),
        ("other-region", reading.region not in here.regions[:1]),
        ("prefix-missing", reading.prefix_missing),
        ("short-plan", len(reading.national) <= SHORT_PLAN),
        ("tax number", landline and (company_number(reading.national) or reading.national.startswith("7"))),
        ("no-word-for-phone", landline),
    )
    return next((rule for rule, doubtful in doubts if doubtful), None)


def _near(match: re.Match[str] | None, value: str, *, mobile: bool) -> re.Match[str] | None:
    """The match, unless it is more likely a floor, a day or a year: «8 916 123-45-67/12 этаж», "/ 14.06"."""
    if match is None or (match["sign"] == "/" and not mobile):
        return match
    last = match["last"]
    return match if len(last) == _RANGE_LEAST and abs(int(last) - int(value[-len(last) :])) <= _NEAR else None


def _second_of_pair(end: int, reading: Reading, here: _Text) -> Iterator[Find]:
    """8 495 231-45-60/61: the last digits once more, or all of them but the area code."""
    position = end
    value = reading.e164
    # a mobile's operator is no area that two people share
    local = not reading.mobile and bool(_LOCAL.search(here.text, max(0, end - _LOCAL_SIZE), end))
    for _ in range(3):
        match = _near(_RANGE.match(here.text, position), value, mobile=reading.mobile)
        if match is None and local:
            match = _SAME_AREA.match(here.text, position)
        if not match or not here.budget.take():
            return
        last = match["last"].replace("-", "")
        value = value[: -len(last)] + last
        second = read(value.lstrip("+"), plus=True, regions=here.regions)
        if second is None:
            return
        yield Find(kind=PointKind.PHONE, start=match.start("last"), end=match.end(), value=second.e164, rule="phone-pair")
        position = match.end()
