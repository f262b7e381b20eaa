"""E-mail addresses in one text, however the @ and the dots are written.

Every sign or word for @ is found first; to its left an address's local part is read, to its right a domain. How freely spaces
and words are read depends on how sure it is that this is an address at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from bridge.extract.reading.domains import ENDS, NAMES, PROVIDERS, likely_meant
from bridge.extract.reading.email_parts import Domain, Local, read_domain, read_local
from bridge.extract.reading.finds import Find
from bridge.extract.reading.lookalikes import as_latin, as_typed_in_latin, slip_of_layout
from bridge.extract.reading.normal import Normal
from bridge.extract.reading.patterns import has_any, listed, words
from bridge.model import PointKind

#: So many signs for @ are looked at in one text.
_MOST = 60
_GAP = 2
_AT_SAID = words("at ät a @ собака собаки собачка сабака arroba эт ат равлик песик dog")
#: How an @ is written, by how much it says on its own.
_AT = re.compile(
    r"(?P<sign>@{1,2}|%40(?<=[\w.-]%40)(?=[a-z\d]))"
    rf"|\s?[(\[{{<](?:\s?(?P<bracket>{_AT_SAID})\s?)[)\]}}>]\s?"
    r"|(?<=[\s\w.])\s(?P<word>собака|собачка|сабака|arroba|arobase|klammeraffe|равлик|песик|at-sign|at)\s(?=[\w])"
    r"|\s?[*|#~_/-]{1,2}(?P<marked>собака|собачка|arroba|at)[*|#~_/-]{1,2}\s?(?=\w)"
    r"|(?<=[а-яё])(?P<slip>\")(?=[а-яё]{2})"
)
#: Without one of these no @ is meant anywhere.
_SIGN = re.compile(
    r"\sat\s|%40|[*|#~_/-]at[*|#~_/-]|[(\[{<]\s?(?:at|ät|a|соб|саб|arr|эт|ат|рав|пес|dog)|собак|собач|сабак|arroba|arobase|klammer|равлик|песик|at-sign"
    r"|[а-я]\"[а-я]"
)
#: What one of those has in it: looked for first, because it costs a tenth.
_ASCII_SIGNS = ("at", "arro", "klam", "%40", "(", "[", "{", "<")
_SIGNS = ("at", "соб", "саб", "arro", "klam", "равл", "пес", "%40", '"', "(", "[", "{", "<")
_LABEL = re.compile(r"[^\W_][\w-]{0,62}")
_SLIP_LEFT = re.compile(r"(?<![а-яё0-9._-])[а-яё0-9._-]{1,64}$")
_SLIP_RIGHT = re.compile(r"[а-яё0-9.-]{3,64}")
_BACK = 100
#: No address so long is too long as a whole.
_SURELY_SHORT = 200
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]{1,30}(?:\.[A-Za-z0-9_+-]{1,30})?")
_MAIL_WORD = re.compile(
    r"(?:почт|мейл|мэйл|имейл|емейл|e-?mail|мыло|ящик|адрес|mail|correo|пошт|address|send|write|пишите|пришл|скин|отправ|вышл"
    r"|пиш|надішл|скан)"
)
_MAIL_WINDOW = 30
#: Words before an @ that are no local part: "insta @kate.s", "look at amazon.com".
_NO_LOCAL = listed(
    "telegram телеграм телеграмм тг tg insta instagram инста инстаграм инстаграмм vk вк twitter tiktok skype whatsapp viber",
    "discord ник nick username me my is at on to us in it the a i of and or for by from write mail email e-mail почта мой моя",
    "на по адрес hi hello hey look looks looking meet see found",
    "ordered bought order buy saw shop pay paid works work arrive arrived meeting",
    "live staying store office home here there up out down off back",
)
_CODE_BEFORE = re.compile(
    r"(?:\b(?:ssh|scp|rsync|sftp|git clone|message-id|clone)\W{1,4}(?:-\w{1,20} ){0,3}|://[^\s@]{0,80}"
    r"|\b(?:пароль|password|passwd|pwd|пасворд|парол[яюе]м?|senha|contraseña|passwort)\W{1,4}(?:\w{1,12}\W{1,3}){0,3})$"
)


def emails_in(normal: Normal) -> Iterator[Find]:
    """Addresses, and what looked like one and was dropped, in order."""
    low = normal.low
    if "@" not in low and not (has_any(low, _ASCII_SIGNS if low.isascii() else _SIGNS) and _SIGN.search(low)):
        return
    end = 0
    for count, match in enumerate(_AT.finditer(low)):
        if count >= _MOST:
            return
        if match.start() < end:
            continue
        find = _at(normal.text, low, match, end)
        if find is not None:
            end = find.end
            yield find


def _at(text: str, low: str, match: re.Match[str], least: int) -> Find | None:
    """The address around one sign for @; None where it is not even like one."""
    form = str(match.lastgroup)
    if form == "slip":
        return _in_wrong_layout(low, match.start(), match.end(), least)
    before, after = _gaps(low, match, least) if form == "sign" else (0, 0)
    local = read_local(text, match.start() - before, least, spoken=form != "sign" or before > 0)
    if local is None:
        return None
    domain = read_domain(low, match.end() + after, free=form != "sign" or bool(before or after))
    if domain is None:
        return _cut_off(low, local, match.end()) if form == "sign" else None
    loose = bool(before or after or domain.spaced)
    if not _like_one(low, local, domain, form, loose=loose, apart=bool(before and not after)):
        return None
    local = _in_latin(local, domain)
    why_not = _why_not(low, local, domain)
    value = None if why_not else _checked(f"{local.value}@{domain.value}")
    if value is None:
        return Find(kind=PointKind.EMAIL, start=local.start, end=domain.end, value=None, rule=why_not or "not-valid")
    flags = dict.fromkeys((*local.flags, *domain.flags))
    meant = likely_meant(value.partition("@")[2])
    if meant:
        flags[f"typo:{meant}"] = None
    rule = "email-words" if form != "sign" or domain.spoken or local.spoken else "email-spaced" if loose else "email-plain"
    rule = "email-layout" if "layout" in flags else "email-lookalikes" if "lookalikes" in flags else rule
    return Find(kind=PointKind.EMAIL, start=local.start, end=domain.end, value=value, rule=rule, flags=tuple(flags))


def _gaps(low: str, match: re.Match[str], least: int) -> tuple[int, int]:
    """How many blanks stand before and after an @."""
    before = after = 0
    while before < _GAP and match.start() - before > least and low[match.start() - before - 1] in " \n":
        before += 1
    while after < _GAP and match.end() + after < len(low) and low[match.end() + after] in " \n":
        after += 1
    return before, after


def _like_one(low: str, local: Local, domain: Domain, form: str, *, loose: bool, apart: bool) -> bool:
    """Whether this is meant as an address at all; `apart`: the @ hangs on the domain only."""
    provider = domain.value in PROVIDERS
    if form in {"word", "marked"}:
        if local.value.lower() in _NO_LOCAL or not local.value[0].isalnum():
            return False
        # arrive_early_at_ten.com may be somebody's page
        personal = form == "word" and local.personal()
        return provider or domain.spoken or personal or _mail_word(low, local.start)
    if not loose:
        return True
    if local.value.lower() in _NO_LOCAL or domain.value.rpartition(".")[2] not in ENDS:
        return False
    # "insta @kate.me" is a name in a network
    return not apart or provider or local.personal() or _mail_word(low, local.start)


def _mail_word(low: str, start: int) -> bool:
    return bool(_MAIL_WORD.search(low, max(0, start - _MAIL_WINDOW), start))


def _in_latin(local: Local, domain: Domain) -> Local:
    """A Cyrillic local part before a Latin domain, as it was meant; as it is, where that cannot be told."""
    if "cyrillic" not in local.flags or not domain.value.isascii():
        return local
    if slip_of_layout(local.value) or "layout" in domain.flags:
        return Local(as_typed_in_latin(local.value), local.start, ("layout",))
    folded = as_latin(local.value)
    return Local(folded, local.start, ("lookalikes",)) if folded is not None else local


def _why_not(low: str, local: Local, domain: Domain) -> str | None:
    """The rule that says that this is no address; None: it is one."""
    if _CODE_BEFORE.search(low, max(0, local.start - _BACK), local.start):
        return "code-or-password"
    after = low[domain.end : domain.end + 2]
    if after.startswith("(") or (after.startswith(":") and after[1:].isalnum()):
        return "code-or-password"  # git@host:path
    if "cyrillic" in local.flags and domain.value.isascii():
        return "local-part-in-cyrillic"
    return None


def _cut_off(low: str, local: Local, after: int) -> Find | None:
    """ivan@gmail: an address without its end is told in the trace, not taken."""
    match = _LABEL.match(low, after)
    if match and match.group() in NAMES and low[match.end() : match.end() + 1] not in {":", "/", "$"}:
        return Find(kind=PointKind.EMAIL, start=local.start, end=match.end(), value=None, rule="incomplete")
    return None


def _in_wrong_layout(low: str, before: int, after: int, least: int) -> Find | None:
    """шмфт"ьфшдюкг: all of ivan@mail.ru typed in the wrong layout, where the same key gives a quotation mark."""
    left = _SLIP_LEFT.search(low, max(least, before - _BACK), before)
    right = _SLIP_RIGHT.match(low, after)
    if not left or not right:
        return None
    domain = as_typed_in_latin(right.group()).rstrip(".,")
    value = _checked(f"{as_typed_in_latin(left.group())}@{domain}") if domain in PROVIDERS else None
    if value is None:
        return None
    return Find(kind=PointKind.EMAIL, start=left.start(), end=right.end(), value=value, rule="email-layout", flags=("layout",))


def _checked(value: str) -> str | None:
    """The address in its normal form; None if no server would take it."""
    local, _, domain = value.partition("@")
    if _PLAIN_LOCAL.fullmatch(local) and len(value) < _SURELY_SHORT and "xn--" not in local:
        if domain in PROVIDERS:
            return value  # by far the most, and nothing about them is in doubt
        known = _domain(domain)
        return None if known is None else f"{local}@{known}"
    return _validated(value)


@lru_cache(maxsize=1024)
def _domain(written: str) -> str | None:
    """A domain in its normal form, with which a plain local part makes an address; None if no server would take it."""
    address = _validated(f"a@{written}")
    return None if address is None else address.removeprefix("a@")


def _validated(value: str) -> str | None:
    try:
        checked = validate_email(value, check_deliverability=False)
    except EmailNotValidError:
        return None
    # A label that was left in its ASCII form stays so: in Unicode it would pass for another.
    return value if "xn--" in value else checked.normalized
