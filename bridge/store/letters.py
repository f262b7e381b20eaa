"""Whether words are among a chat's, told as the index of words would: for chats that are looked at one by one."""

from __future__ import annotations

import re
from functools import lru_cache

#: letters that are found by the same letter without its signs, as SQLite's index of words has it. PostgreSQL's first migration
#: has made an index by them: another letter here needs another migration there
MARKED = (
    "àáâãäåāăąǎǟǻȁȃȧḁạảấầẩẫậắằẳẵặḃḅḇçćĉċčḉďḋḍḏḑḓèéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệḟĝğġģǧǵḡĥȟḣḥḧḩḫẖìíîïĩīĭįǐȉȋḭḯỉịĵ"
    "ǰķǩḱḳḵĺļľḷḹḻḽḿṁṃñńņňǹṅṇṉṋòóôõöōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợṕṗŕŗřȑȓṙṛṝṟśŝşšſșṡṣṥṧṩẛţťțṫṭṯṱẗùúûüũūŭůűų"
    "ưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữựṽṿŵẁẃẅẇẉẘẋẍýÿŷȳẏẙỳỵỷỹźżžẑẓẕϐϵϑιϰµϖϱςϕ"
)
PLAIN = (
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaabbbccccccddddddeeeeeeeeeeeeeeeeeeeeeeeeefggggggghhhhhhhhiiiiiiiiiiiiiiij"
    "jkkkkklllllllmmmnnnnnnnnnoooooooooooooooooooooooooooooooooopprrrrrrrrrssssssssssssttttttttuuuuuuuuuu"
    "uuuuuuuuuuuuuuuuuuuuvvwwwwwwwxxyyyyyyyyyyzzzzzzβεθικμπρσφ"
)

_WITHOUT_SIGNS = str.maketrans(MARKED, PLAIN)
_SIGNS = re.compile(f"[{MARKED}]")


def fits(words: str | None, question: str) -> bool:
    """Whether each word that is asked for begins one of a chat's, as `search_words` writes both."""
    if words is None:
        return False
    known = f" {words.translate(_WITHOUT_SIGNS) if _SIGNS.search(words) else words}"
    return all(word in known for word in _beginnings(question))


@lru_cache(maxsize=64)
def _beginnings(question: str) -> tuple[str, ...]:
    return tuple(f" {word[1:-2].translate(_WITHOUT_SIGNS)}" for word in question.split())
