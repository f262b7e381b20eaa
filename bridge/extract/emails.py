"""E-mail addresses in one text, however the @ and the dots are written.

Every sign or word for @ is found first; to its left an address's local part is read, to its right a domain. How freely spaces
and words are read depends on how sure it is that this is an address at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from bridge.model import PointKind

from .domains import ENDS, NAMES, NEVER, PROVIDERS, SPOKEN_LABELS, likely_meant
from .finds import Find
from .lookalikes import CYRILLIC, as_latin, as_typed_in_latin, mixed, slip_of_layout
from .normal import Normal

_MOST = 60
#: How an @ is written, by how much it says on its own.
_AT = re.compile(
    r"(?P<sign>@{1,2})"
    r"|\s?[(\[{<](?:\s?(?P<bracket>at|ät|a|@|собак[аи]|собачка|сабака|arroba|эт|ат|равлик|песик|пёсик|dog)\s?)[)\]}>]\s?"
    r"|(?<=[\s\w.])\s(?P<word>собака|собачка|сабака|arroba|arobase|klammeraffe|равлик|песик|at-sign|at)\s(?=[\w])"
    r"|(?<=[а-яё])(?P<slip>\")(?=[а-яё]{2})"
)
#: Without one of these no @ is meant anywhere.
_SIGN = re.compile(r"\sat\s|[(\[{<]\s?(?:at|ät|a|соб|саб|arr|эт|ат|рав|пес|dog)|собак|собач|сабак|arroba|arobase|klammer|равлик|песик|at-sign|[а-я]\"[а-я]")
_LOCAL = re.compile(r"[\w.+%~'&-]{1,64}$")
_LOCAL_SPACED = re.compile(r"(?:[\w+-]{1,40} ?(?:\(dot\)|\[dot\]|\(точка\)| dot | точка | крапка | punto | ponto | punkt | \. |\s\(?(?:дефис|тире|dash|minus)\)?\s|\s\(?(?:нижнее подчеркивание|подчеркивание|underscore|guion bajo)\)?\s) ?){1,3}[\w+-]{1,40}$")
_SPOKENdef _at(text: str, low: str, match: re.Match[str], least: int) -> Find | None:
    form = str(match.lastgroup)
    before = match.start()
    after = match.end()
    if form == "slip":
        return _in_wrong_layout(text, low, before, after, least)
    gap_before = gap_after = 0
    if form == "sign":
        while before - gap_before > least and text[before - gap_before - 1] in " \n" and gap_before < 2:  # noqa: PLR2004 - a space or two
            gap_before += 1
        while after + gap_after < len(text) and text[after + gap_after] in " \n" and gap_after < 2:  # noqa: PLR2004
            gap_after += 1
    local = _local(text, low, before - gap_before, least, spoken=form != "sign" or bool(gap_before and gap_after))
    if local is None:
        return None
    domain = _domain(low, after + gap_after, free=form != "sign" or bool(gap_before or gap_after))
    if domain is None:
        return _cut_off(text, low, local, before, after) if form == "sign" else None
    flags = list(dict.fromkeys((*local.flags, *domain.flags)))
    loose = bool(gap_before or gap_after or domain.spaced)
    why_not = _why_not(low, local, domain, form, loose=loose, apart=bool(gap_before and not gap_after))
    if why_not == "":
        return None
    value = f"{local.value}@{domain.value}"
    checked = None if why_not else _checked(value)
    if checked is None:
        return Find(kind=PointKind.EMAIL, start=local.start, end=domain.end, value=None, rule=why_not or "not-valid")
    meant = likely_meant(checked.partition("@")[2])
    if meant:
        flags.append(f"typo:{meant}")
    rule = "email-words" if form != "sign" or domain.spoken or local.spoken else "email-spaced" if loose else "email-plain"
    for flag, name in (("layout", "email-layout"), ("lookalikes", "email-lookalikes")):
        if flag in flags:
            rule = name
    return Find(kind=PointKind.EMAIL, start=local.start, end=domain.end, value=checked, rule=rule, flags=tuple(flags))


def _local(text: str, low: str, end: int, least: int, *, spoken: bool) -> _Local | None:
    window = text[max(least, end - 100) : end]
    base = end - len(window)
    if spoken:
        match = _LOCAL_SPACED.search(window.lower())
        if match:
            value = window[match.start() :]
            for pattern, sign in _SPOKEN_SIGNS:
                value = pattern.sub(sign, value)
            if value.isascii():
                return _Local(value, base + match.start(), spoken=True)
    match = _LOCAL.search(window)
    if not match:
        return None
    value = match.group()
    start = base + match.start()
    bare = value.lstrip(".'&~%-+")
    start += len(value) - len(bare)
    value = bare.rstrip("'&")
    if value.startswith("_") and low[end + 1 : end + 80].partition(" ")[0].rstrip(".,;!?)").endswith("_"):
        value, start = value[1:], start + 1
    if not value or ".." in value and not value.replace("..", ".").strip("."):
        return None
    value = re.sub(r"\.{2,}", ".", value).rstrip(".")
    return _in_one_alphabet(value, start) if value else None


def _in_one_alphabet(value: str, start: int) -> _Local | None:
    if not CYRILLIC.search(value):
        return _Local(value, start)
    folded = as_latin(value)
    if folded is not None and mixed(value):
        return _Local(folded, start, ("lookalikes",))
    if mixed(value):
        # A word is glued to the address: моямейлivan.p
        last = 0
        for match in CYRILLIC.finditer(value):
            last = match.end()
        rest = value[last:].lstrip("._-+'")
        return _Local(rest, start + len(value) - len(rest), ("glued",)) if _LETTERS_FIRST.fullmatch(rest) else None
    return _Local(value, start, ("cyrillic",))


def _domain(low: str, start: int, *, free: bool) -> _Domain | None:
    """The domain that begins at `start`. `free`: words and spaces for dots are read, too."""
    labels: list[str] = []
    ends: list[int] = []
    spoken = spaced = False
    forms: list[str] = []
    position = start
    while len(labels) < 6:  # noqa: PLR2004 - a.b.c.co.uk and one more
        match = _LABEL.match(low, position)
        if not match:
            break
        labels.append(match.group())
        ends.append(match.end())
        position = match.end()
        if _cut_label(labels, ends):
            break
        dot = _DOT.match(low, position)
        if not dot:
            break
        form = str(dot.lastgroup)
        if form != "plain" and labels[-1] in ENDS and len(labels) > 1:
            break  # the address is whole; a sentence goes on
        if form == "word" and not free and labels[-1] not in NAMES:
            break
        forms.append(form)
        position = dot.end()
    return _ended(low, labels, ends, forms, spoken=spoken, spaced=spaced)


def _cut_label(labels: list[str], ends: list[int]) -> bool:
    """Cut what is glued to the last label: mail.ruтел → mail.ru, mail.ru8916… → mail.ru. Whether something was."""
    label = labels[-1].rstrip("-_")
    ends[-1] -= len(labels[-1]) - len(label)
    labels[-1] = label
    if len(labels) < 2:  # noqa: PLR2004 - the name, not the end
        return False
    digits = _ENDS_IN_DIGITS.match(label)
    if digits and digits["end"] in ENDS:
        labels[-1] = digits["end"]
        ends[-1] -= len(digits["rest"])
        return True
    if mixed(label) and as_latin(label) is None:
        latin = _LETTERS_FIRST.match(label)
        if latin and latin.group() in ENDS:
            ends[-1] -= len(label) - latin.end()
            labels[-1] = latin.group()
            return True
    return False


def _ended(low: str, labels: list[str], ends: list[int], forms: list[str], *, spoken: bool, spaced: bool) -> _Domain | None:
    """The labels up to the last one that can end a domain, in one alphabet."""
    if not labels:
        return None
    flags: list[str] = []
    labels = [_label(label, flags) for label in labels]
    if "layout" in flags:
        labels = [as_typed_in_latin(label) for label in labels]
    if len(labels) == 1:
        return _without_dot(low, labels[0], ends[0], flags)
    keep = len(labels)
    while keep > 1 and labels[keep - 1] not in ENDS:
        keep -= 1
    if keep == 1:
        # No end that is known: believed only where all dots are plain ones.
        keep = 1
        while keep < len(labels) and forms[keep - 1] == "plain":
            keep += 1
        end = labels[keep - 1]
        if keep == 1 or end in NEVER or not end.isalpha() or len(end) < 2:  # noqa: PLR2004 - shortest end there is
            return None
        flags.append("unknown-end")
    used = forms[: keep - 1]
    return _Domain(
        ".".join(labels[:keep]),
        ends[keep - 1],
        spoken="word" in used,
        spaced="spaced" in used,
        flags=tuple(flags),
    )


def _label(label: str, flags: list[str]) -> str:
    if label.startswith("xn--"):
        return _decoded(label)
    if not CYRILLIC.search(label):
        return label
    if mixed(label):
        folded = as_latin(label)
        if folded is not None:
            flags.append("lookalikes")
            return folded.lower()
        return label
    spoken = SPOKEN_LABELS.get(label)
    if spoken:
        flags.append("spoken")
        return spoken
    slip = as_typed_in_latin(label)
    if slip in NAMES or "." in slip:
        flags.append("layout")
        return slip
    folded = as_latin(label)
    if folded is not None and folded.lower() in (NAMES | {"ru", "com"}) and label not in ENDS:
        flags.append("lookalikes")
        return folded.lower()
    return label


def _decoded(label: str) -> str:
    """A label in Unicode, unless it would look like a Latin one that it is not."""
    try:
        shown = label.encode("ascii").decode("idna")
    except UnicodeError:
        return label
    return shown if as_latin(shown) is None or shown in ENDS else label


def _without_dot(low: str, name: str, end: int, flags: list[str]) -> _Domain | None:
    """gmail com, and the whole domain in the wrong layout: ьфшдюкг → mail.ru."""
    if "." in name and name.rpartition(".")[2] in ENDS:
        return _Domain(name, end, flags=tuple(flags))
    match = re.compile(r" ([a-zа-я]{2,3})(?!\w)").match(low, end)
    if match:
        last = SPOKEN_LABELS.get(match.group(1), match.group(1))
        if f"{name}.{last}" in PROVIDERS:
            return _Domain(f"{name}.{last}", match.end(), spaced=True, flags=tuple(flags))
    return None


def _cut_off(text: str, low: str, local: _Local, before: int, after: int) -> Find | None:
    """ivan@gmail: an address without its end is kept in the trace, not taken."""
    match = _LABEL.match(low, after)
    if match and match.group() in NAMES and low[match.end() : match.end() + 1] not in {":", "/", "$"}:
        return Find(kind=PointKind.EMAIL, start=local.start, end=match.end(), value=None, rule="incomplete")
    return None


def _why_not(low: str, local: _Local, domain: _Domain, form: str, *, loose: bool, apart: bool) -> str | None:
    """The rule that says that this is no address; "": it does not even look like one; None: it is one."""
    labels = domain.value.split(".")
    known_end = labels[-1] in ENDS
    provider = domain.value in PROVIDERS
    if _CODE_BEFORE.search(low, max(0, local.start - 100), local.start):
        return "code-or-password"
    if low[domain.end : domain.end + 1] == ":" and low[domain.end + 1 : domain.end + 2].strip().isalnum():
        return "code-or-password"  # git@host:path
    if low[domain.end : domain.end + 1] == "(":
        return "code-or-password"
    if "cyrillic" in local.flags:
        return _why_not_cyrillic(local, domain, provider=provider)
    if form in {"word"} and not _word_for_at(low, local, domain, provider=provider):
        return ""
    if loose and not known_end:
        return ""
    if apart and not provider and (local.value.lower() in _NO_LOCAL or not (_personal(local) or _mail_word(low, local.start))):
        return ""  # "insta @kate.me" is a name in a network
    if loose and local.value.lower() in _NO_LOCAL:
        return ""
    return "file" if labels[-1] in NEVER else None


def _why_not_cyrillic(local: _Local, domain: _Domain, *, provider: bool) -> str | None:
    if not domain.value.isascii():
        return None  # заказ@компания.рф
    if slip_of_layout(local.value) or "layout" in domain.flags:
        local.value = as_typed_in_latin(local.value)
        local.flags = ("layout",)
        return None
    folded = as_latin(local.value)
    if folded is not None and domain.value.isascii():
        local.value, local.flags = folded, ("lookalikes",)
        return None
    return "local-part-in-cyrillic" if provider or not domain.value.isascii() else "local-part-in-cyrillic"


def _word_for_at(low: str, local: _Local, domain: _Domain, *, provider: bool) -> bool:
    """Whether a bare word for @ ("at", «собака») is meant as one here."""
    if local.value.lower() in _NO_LOCAL or not local.value[0].isalnum():
        return False
    if provider or domain.spoken:
        return True
    return _personal(local) or _mail_word(low, local.start)


def _personal(local: _Local) -> bool:
    return any(sign in "._-+0123456789" for sign in local.value)


def _mail_word(low: str, start: int) -> bool:
    return bool(_MAIL_WORD.search(low, max(0, start - 30), start))


def _in_wrong_layout(text: str, low: str, before: int, after: int, least: int) -> Find | None:
    """шмфт"ьфшдюкг: all of ivan@mail.ru typed in the wrong layout."""
    left = re.compile(r"[а-яё0-9._-]{1,64}$").search(low, max(least, before - 64), before)
    right = re.match(r"[а-яё0-9.-]{3,64}", low[after : after + 64])
    if not left or not right:
        return None
    domain = as_typed_in_latin(right.group()).rstrip(".,")
    if domain not in PROVIDERS:
        return None
    value = f"{as_typed_in_latin(left.group())}@{domain}"
    checked = _checked(value)
    if checked is None:
        return None
    return Find(kind=PointKind.EMAIL, start=left.start(), end=after + right.end(), value=checked, rule="email-layout", flags=("layout",))


def _checked(value: str) -> str | None:
    """The address in its normal form; None if no server would take it."""
    try:
        checked = validate_email(value, check_deliverability=False)
    except EmailNotValidError:
        return None
    # A label that was left in its ASCII form stays so: in Unicode it would pass for another.
    return value if "xn--" in value else checked.normalized
