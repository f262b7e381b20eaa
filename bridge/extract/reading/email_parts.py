"""The two sides of an @: the local part to its left, the domain to its right, however their dots are written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.extract.reading.domains import ENDS, NAMES, NEVER, PROVIDERS, SPOKEN_LABELS
from bridge.extract.reading.lookalikes import CYRILLIC, as_latin, as_latin_at_a_glance, as_typed_in_latin, mixed
from bridge.extract.reading.patterns import any_of

_LEFT = 100
_RIGHT = 80
_MOST_LABELS = 6
_LEAST_END = 2

_LOCAL = re.compile(r"[\w.+%~'&-]{1,64}$")
_DOT_SAID = any_of(r"\(dot\)", r"\[dot\]", r"\(точка\)", " dot ", " точка ", " крапка ", " punto ", " ponto ", " punkt ", r" \. ")
_DASH_SAID = r"\s\(?(?:дефис|тире|dash|minus)\)?\s"
_UNDERSCORE_SAID = r"\s\(?(?:нижнее подчеркивание|подчеркивание|underscore|guion bajo)\)?\s"
_LOCAL_SAID = re.compile(rf"(?<![\w+-])(?:[\w+-]{{1,40}} ?(?:{_DOT_SAID}|{_DASH_SAID}"
    rf"|{_UNDERSCORE_SAID}) ?){{1,3}}[\w+-]{{1,40}}$")
_SAID_SIGNS = (
    (re.compile(rf" ?{_DOT_SAID} ?"), "."),
    (re.compile(_DASH_SAID), "-"),
    (re.compile(_UNDERSCORE_SAID), "_"),
)
#: lena .s@: no address begins with a dot
_BEGUN = re.compile(r"(?<![^\s:,;<(])([A-Za-z0-9][A-Za-z0-9_+-]{0,30}) $")
#: i v a n
_LETTERS_APART = re.compile(r"(?<![\w.])(?:[a-zA-Z0-9] ){2,20}[a-zA-Z0-9]$")
_LATIN_LOCAL = re.compile(r"[A-Za-z0-9._+-]+")
_DOTS = re.compile(r"\.{2,}")

_LABEL = re.compile(r"[^\W_][\w-]{0,62}")
_DOT = re.compile(
    r"(?P<plain>\.{1,2}(?=[^\W_]))"
    r"|(?P<spaced>[ \n]?\.[ \n]{1,2}|[ \n]\.(?=[^\W_])|,[ ]?(?=[a-z]{2,3}(?![\w@])))"
    r"|(?P<word>\s?[(\[{<]\s?(?:dot|точка|punto|ponto|punkt|крапка|\.)\s?[)\]}>]\s?|\s(?:dot|точка|тчк|крапка|punto|ponto|punkt"
    r"|нүкте)\s|\s?[*|#~/-]{1,2}(?:dot|точка|punkt|punto)[*|#~/-]{1,2}\s?)"
)
_GLUED_DIGITS = re.compile(r"(?P<end>[a-z]{2,10})(?P<rest>\d{5,})$")
_LATIN = re.compile(r"[A-Za-z0-9._+-]+")
_END_APART = re.compile(r" ([a-zа-я]{2,3})(?!\w)")


@dataclass(slots=True)
class Local:
    """What stands before an @."""

    value: str
    start: int
    flags: tuple[str, ...] = ()
    #: its dots or dashes were words
    spoken: bool = False

    def personal(self) -> bool:
        """Whether it looks like an address rather than a word of the sentence."""
        return any(sign in "._-+0123456789" for sign in self.value)


@dataclass(slots=True)
class Domain:
    """What stands after an @."""

    value: str
    end: int
    #: a dot was a word or stood in brackets
    spoken: bool = False
    #: spaces stood around a dot
    spaced: bool = False
    flags: tuple[str, ...] = ()


def read_local(text: str, end: int, least: int, *, spoken: bool) -> Local | None:
    """The local part that ends at `end` and begins at `least` or later; `spoken`: words may stand for its signs."""
    window = text[max(least, end - _LEFT) : end]
    base = end - len(window)
    if spoken:
        match = _LOCAL_SAID.search(window.lower())
        if match:
            value = window[match.start() :]
            for pattern, sign in _SAID_SIGNS:
                value = pattern.sub(sign, value)
            if value.isascii():
                return Local(value, base + match.start(), spoken=True)
    apart = _LETTERS_APART.search(window) if spoken else None
    if apart:
        return Local(apart.group().replace(" ", ""), base + apart.start())
    match = _LOCAL.search(window)
    if not match:
        return None
    value = match.group().lstrip(".'&~%-+")
    start = base + match.end() - len(value)
    begun = _BEGUN.search(window, 0, match.start()) if match.group().startswith(".") else None
    if begun:
        value, start = f"{begun.group(1)}.{value}", base + begun.start()
    value = value.rstrip("'&")
    if value.startswith("_") and text[end + 1 : end + _RIGHT].partition(" ")[0].rstrip(".,;!?)").endswith("_"):
        value, start = value[1:], start + 1  # _address_ is markup
    value = _DOTS.sub(".", value).rstrip(".")
    return _in_one_alphabet(value, start) if value else None


def _in_one_alphabet(value: str, start: int) -> Local | None:
    if not CYRILLIC.search(value):
        return Local(value, start)
    if not mixed(value):
        return Local(value, start, ("cyrillic",))
    folded = as_latin(value)
    if folded is not None:
        return Local(folded, start, ("lookalikes",))
    # A word is glued to the address: моямейлivan.p
    last = max(match.end() for match in CYRILLIC.finditer(value))
    rest = value[last:].lstrip("._-+'")
    return Local(rest, start + len(value) - len(rest), ("glued",)) if _LATIN_LOCAL.fullmatch(rest) else None


def read_domain(low: str, start: int, *, free: bool) -> Domain | None:
    """The domain that begins at `start`; `free`: words for dots are read, too."""
    labels: list[str] = []
    ends: list[int] = []
    forms: list[str] = []
    position = start
    while len(labels) < _MOST_LABELS:
        match = _LABEL.match(low, position)
        if not match:
            break
        labels.append(match.group())
        ends.append(match.end())
        position = match.end()
        if _cut_what_is_glued(labels, ends):
            break
        dot = _DOT.match(low, position)
        if not dot:
            break
        form = str(dot.lastgroup)
        if form != "plain" and labels[-1] in ENDS and len(labels) > 1 and not _goes_on(low, dot):
            break  # the address is whole; a sentence goes on
        if form == "word" and not free and labels[-1] not in NAMES:
            break
        forms.append(form)
        position = dot.end()
    return _ended(low, labels, ends, forms) if labels else None


def _goes_on(low: str, dot: re.Match[str]) -> bool:
    """Spaces on both sides (firma . co . uk) of a dot are no sentence's end."""
    label = _LABEL.match(low, dot.end())
    return dot.group() == " . " and label is not None and label.group() in ENDS


def _cut_what_is_glued(labels: list[str], ends: list[int]) -> bool:
    """mail.ruтел → mail.ru, mail.ru8916… → mail.ru; whether something was cut."""
    label = labels[-1].rstrip("-_")
    ends[-1] -= len(labels[-1]) - len(label)
    labels[-1] = label
    if len(labels) == 1:
        return False
    digits = _GLUED_DIGITS.match(label)
    if digits and digits["end"] in ENDS:
        labels[-1] = digits["end"]
        ends[-1] -= len(digits["rest"])
        return True
    if mixed(label) and as_latin(label) is None:
        latin = _LATIN.match(label)
        if latin and latin.group() in ENDS:
            ends[-1] -= len(label) - latin.end()
            labels[-1] = latin.group()
            return True
    return False


def _ended(low: str, labels: list[str], ends: list[int], forms: list[str]) -> Domain | None:
    """The labels up to the last one that can end a domain, in one alphabet."""
    flags: list[str] = []
    if not (labels[-1] in ENDS and CYRILLIC.search(labels[-1])):  # яндекс.рф is a domain of its own
        labels = _in_latin(labels, flags)
    if "layout" in flags:
        labels = [as_typed_in_latin(label) for label in labels]
    if len(labels) == 1:
        return _without_dot(low, labels[0], ends[0], flags)
    keep = len(labels)
    while keep > 1 and labels[keep - 1] not in ENDS:
        keep -= 1
    if keep == 1:
        # No end that is known: believed only where all dots are plain ones.
        while keep < len(labels) and forms[keep - 1] == "plain":
            keep += 1
        end = labels[keep - 1]
        if keep == 1 or end in NEVER or not end.isalpha() or len(end) < _LEAST_END:
            return None
        flags.append("unknown-end")
    used = forms[: keep - 1]
    return Domain(".".join(labels[:keep]), ends[keep - 1], spoken="word" in used, spaced="spaced" in used, flags=tuple(flags))


def _in_latin(labels: list[str], flags: list[str]) -> list[str]:
    latin = [_label(label, flags) for label in labels]
    if any(mixed(label) for label in latin):
        wide = [as_latin_at_a_glance(label) for label in latin]
        if ".".join(wide) in PROVIDERS:
            flags.append("lookalikes")
            return wide
    return latin


def _label(label: str, flags: list[str]) -> str:
    """A label in one alphabet; what was done to it goes into `flags`."""
    if label.startswith("xn--"):
        return _decoded(label)
    if not CYRILLIC.search(label):
        return label
    folded = (as_latin(label) or "").lower()
    slip = as_typed_in_latin(label)
    ways = (
        ("lookalikes", folded if mixed(label) else ""),
        ("spoken", SPOKEN_LABELS.get(label, "")),
        ("layout", slip if not mixed(label) and (slip in NAMES or "." in slip) else ""),
        ("lookalikes", folded if folded in NAMES | {"ru", "com"} else ""),
    )
    flag, read = next(((flag, read) for flag, read in ways if read), ("", label))
    if flag:
        flags.append(flag)
    return read


def _decoded(label: str) -> str:
    """A label in Unicode, unless it would look like a Latin one that it is not."""
    try:
        shown = label.encode("ascii").decode("idna")
    except UnicodeError:
        return label
    return shown if as_latin(shown) is None or shown in ENDS else label


def _without_dot(low: str, name: str, end: int, flags: list[str]) -> Domain | None:
    """A domain in one piece: "gmail com", and one typed in the wrong layout, where ю is the dot."""
    if "." in name and name.rpartition(".")[2] in ENDS:
        return Domain(name, end, flags=tuple(flags))
    match = _END_APART.match(low, end)
    if match:
        last = SPOKEN_LABELS.get(match.group(1), match.group(1))
        if f"{name}.{last}" in PROVIDERS:
            return Domain(f"{name}.{last}", match.end(), spaced=True, flags=tuple(flags))
    return None
