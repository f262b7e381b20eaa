"""Letters of one alphabet that were typed for those of another: look-alikes, and the wrong keyboard layout."""

from __future__ import annotations

import re

_LOOKS = str.maketrans(
    "аесорухіјѕԁһԛԝӏАВЕКМНОРСТХУІЅЈ",
    "aecopyxijsdhqwlABEKMHOPCTXYISJ",
)
_GLANCE = str.maketrans("кмтвнгп", "kmtbhrn")
#: Only these are taken for Latin letters: the others of the table above look alike as capitals or in handwriting only.
_SURE = frozenset("аесорухіјѕԁһԛԝӏАВЕКМНОРСТХУІЅЈ")
CYRILLIC = re.compile(r"[\u0400-\u052f]")
_LATIN = re.compile(r"[A-Za-z]")
_LAYOUT = str.maketrans(
    "йцукенгшщзхъфывапролджэячсмитьбюЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,.QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>",
)
_VOWELS = frozenset("aeiouyAEIOUY")
_RUSSIAN_VOWELS = frozenset("аеиоуыэюяёАЕИОУЫЭЮЯЁ")
_RUSSIAN_SHARE = 0.2


def mixed(word: str) -> bool:
    """Whether Cyrillic and Latin letters stand in one word."""
    return bool(CYRILLIC.search(word)) and bool(_LATIN.search(word))


def as_latin(word: str) -> str | None:
    """The word with Cyrillic look-alikes as the Latin letters they look like; None if some have no such letter."""
    if all(sign in _SURE or not CYRILLIC.match(sign) for sign in word):
        return word.translate(_LOOKS)
    return None


def as_latin_at_a_glance(word: str) -> str:
    """The word with everything Cyrillic that is like a Latin letter at a glance; good only where the result is known."""
    return word.translate(_LOOKS).translate(_GLANCE)


def as_typed_in_latin(word: str) -> str:
    """What the same keys give in the Latin layout: шмфт → ivan."""
    return word.translate(_LAYOUT)


def slip_of_layout(word: str) -> bool:
    """Whether a Cyrillic word is no word: typed with the wrong layout. It has too few vowels, and in Latin it has some."""
    letters = [sign for sign in word if CYRILLIC.match(sign)]
    if not letters:
        return False
    russian = sum(sign in _RUSSIAN_VOWELS for sign in letters) / len(letters)
    latin = as_typed_in_latin(word)
    return russian < _RUSSIAN_SHARE and any(sign in _VOWELS for sign in latin)
