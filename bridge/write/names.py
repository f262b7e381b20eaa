"""Names of people: taken apart for a CRM's fields, and compared across alphabets."""

from __future__ import annotations

import re

_TOKENS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_PATRONYMIC = re.compile(r"(?:ович|евич|ич|овна|евна|ична|инична)$", re.IGNORECASE)
_FULL_RUSSIAN_NAME = 3

# Sounds, not spelling: passports, bank cards and chats write one name in many ways.
_LATIN = str.maketrans({
    "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ё": "e", "є": "ie", "ж": "zh", "з": "z",
    "и": "i", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ў": "u", "ф": "f", "х": "h", "ц": "c", "ч": "ch", "ш": "sh", "щ": "sh", "ъ": "",
    "ы": "i", "ь": "", "э": "e", "ю": "iu", "я": "ia",
})  # fmt: skip
_SAME_SOUND = (("shch", "sh"), ("sch", "sh"), ("kh", "h"), ("ts", "c"), ("x", "ks"), ("ye", "e"), ("y", "i"), ("j", "i"))
_DOUBLED = re.compile(r"(.)\1+")


def split_name(name: str) -> tuple[str | None, str | None]:
    """First and last name. A patronymic tells which is which in Russian and stays with the first name."""
    words = name.split()
    if not words:
        return None, None
    if len(words) == _FULL_RUSSIAN_NAME and _PATRONYMIC.search(words[2]) and not _PATRONYMIC.search(words[1]):
        return f"{words[1]} {words[2]}", words[0]
    if len(words) > 1 and _PATRONYMIC.search(words[1]):
        return f"{words[0]} {words[1]}", " ".join(words[2:]) or None
    return words[0], " ".join(words[1:]) or None


def names_agree(one: str | None, other: str | None) -> bool:
    """Whether two names can be one person's: all words of the shorter stand in the longer, patronymics left aside."""
    shorter, longer = sorted((_sounds(one), _sounds(other)), key=len)
    return bool(shorter) and shorter <= longer


def _sounds(name: str | None) -> set[str]:
    words = [word for word in _TOKENS.findall(name or "") if len(word) > 1]
    own = [word for word in words if not _PATRONYMIC.search(word)]
    return {_sound(word) for word in own or words}


def _sound(word: str) -> str:
    sound = word.casefold().translate(_LATIN)
    for written, meant in _SAME_SOUND:
        sound = sound.replace(written, meant)
    return _DOUBLED.sub(r"\1", sound)
