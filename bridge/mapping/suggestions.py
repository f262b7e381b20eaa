"""Did you mean …?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SHORT = 3


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean X?)` with a blank before it, or nothing."""
    cutoff = 0.6 if len(word) > _SHORT else 0.5  # a slip of one letter is half of a short word
    possible = list(known)
    if len(word) < _SHORT:
        # any two short words are alike by that measure: a slip keeps the first letter, or swaps the two
        possible = [one for one in possible if one[:1] == word[:1] or sorted(one) == sorted(word)]
    close = difflib.get_close_matches(word, possible, n=1, cutoff=cutoff)
    return f" (did you mean {close[0]}?)" if close else ""
