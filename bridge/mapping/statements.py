"""SQL that a target's configuration gives for its own tables: named values in, `?` and a list of values out.

No value ever stands in the text of a statement. What a name stands for is said in one table, here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from bridge.errors import EmptyExpression
from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.language.truth import is_empty
from bridge.mapping.suggestions import nearest

_AT = "utc({}, '%Y-%m-%d %H:%M:%S', target.timezone)"
_FLAG = "choose({0} == `true`, `1`, choose({0} == `false`, `0`))"

#: parameter → the expression that gives its value, and what that is
PARAMETERS: Mapping[str, tuple[str, str]] = {
    "phone": ("phone || phones[0]", "the phone, `+79161234567`; in a search the one that is looked for"),
    "phone2": ("phones[1]", "the visitor's second phone"),
    "phone3": ("phones[2]", "the third"),
    "phones": ("join(', ', phones)", "all of them, with commas between"),
    "digits": ("digits(phone || phones[0])", "the phone's digits"),
    "national": ("national(phone || phones[0])", "the phone without its country code"),
    "last10": ("last_digits(phone || phones[0], `10`)", "its last ten digits"),
    "last7": ("last_digits(phone || phones[0], `7`)", "its last seven"),
    "email": ("lower(email || emails[0])", "the e-mail, in small letters; in a search the one that is looked for"),
    "email2": ("lower(emails[1])", "the second e-mail"),
    "email3": ("lower(emails[2])", "the third"),
    "emails": ("lower(join(', ', emails))", "all of them, with commas between"),
    "external_id": ("external_id || visitor.external_id", "the id that the site gave the visitor"),
    "visitor_id": ("visitor_id || visitor.id", "the chat service's id of the visitor"),
    "item": ("item", "in a search: each value of `each`"),
    "name": ("visitor.name", "the visitor's name"),
    "first_name": ("visitor.first_name", "its first part"),
    "last_name": ("visitor.last_name", "the rest"),
    "company": ("visitor.company", "the visitor's company"),
    "city": ("visitor.city", "where the visitor is"),
    "id": ("client.id", "the client's id, as `find` and `create` gave it"),
    "client_name": ("client.name", "the client's name in the CRM"),
    "new_phone": ("new.phones.phone || new.phones[0]", "in `enrich`: a phone that is new to the card, for its column `phone`"),
    "new_phone2": ("new.phones.phone2 || new.phones[1]", "another, for `phone2`"),
    "new_phone3": ("new.phones.phone3 || new.phones[2]", "another, for `phone3`"),
    "new_email": ("new.emails.email || new.emails[0]", "an e-mail that is new to the card, for its column `email`"),
    "new_email2": ("new.emails.email2 || new.emails[1]", "another, for `email2`"),
    "new_email3": ("new.emails.email3 || new.emails[2]", "another, for `email3`"),
    "new_name": ("new.name", "the name, where the card has none"),
    "title": ("note.title", "the note's title"),
    "text": ("note.text", "the note's text, with the transcript"),
    "part": ("part.number", "which part of a long note it is, from 1"),
    "parts": ("part.of", "of how many"),
    "marker": ("marker", "by which the record is found again; it stands in the note's text as well"),
    "marker_like": ("concat('%', marker, '%')", "the same between `%`, for LIKE"),
    "chat_marker": ("chat.marker", "the same for every record of the chat"),
    "deal_id": ("deal.id", "the open deal's id"),
    "deal_title": ("deal.title", "the title of a new deal"),
    "pipeline": ("deal.pipeline", "as the route has it"),
    "stage": ("deal.stage", "as the route has it"),
    "deal_source": ("deal.source", "as the route has it"),
    "owner": ("owner", "the CRM's user for the client, as `owner` or the route gives it"),
    "operator": ("operator.name", "the operator's name"),
    "operator_email": ("operator.email", "the operator's e-mail"),
    "chat_id": ("chat.chat_id", "the chat service's id of the chat"),
    "chat_url": ("chat.url", "the chat's address there"),
    "source": ("source.name", "the chat connection"),
    "channel": ("chat.channel", "site, telegram, whatsapp …"),
    "department": ("chat.department", "as the chat service names it"),
    "topic": ("chat.topic", "as the chat service names it"),
    "started_at": (_AT.format("chat.started_at"), "when the chat began"),
    "ended_at": (_AT.format("chat.ended_at"), "when it ended"),
    "page_url": ("page.url", "the page the visitor was on"),
    "page_title": ("page.title", "its title"),
    "referrer": ("page.referrer", "where the visitor came from"),
    "utm_source": ("utm.source", "the campaign's mark"),
    "utm_medium": ("utm.medium", "the same"),
    "utm_campaign": ("utm.campaign", "the same"),
    "utm_content": ("utm.content", "the same"),
    "utm_term": ("utm.term", "the same"),
    "missed": (_FLAG.format("kpi.missed"), "1: no person answered; 0: somebody did"),
    "abandoned": (_FLAG.format("kpi.abandoned"), "1: the visitor wrote last and nobody answered"),
    "contact_given": (_FLAG.format("kpi.contact_given"), "1: the visitor left a contact"),
    "first_response_s": ("kpi.first_response_s", "seconds to the first person's answer"),
    "first_bot_response_s": ("kpi.first_bot_response_s", "seconds to the first bot's answer"),
    "duration_s": ("kpi.duration_s", "seconds the chat lasted"),
    "longest_gap_s": ("kpi.longest_gap_s", "seconds of the longest silence"),
    "messages_visitor": ("kpi.messages_visitor", "how many the visitor wrote"),
    "messages_operator": ("kpi.messages_operator", "how many operators wrote"),
    "operators": ("kpi.operators", "how many operators wrote"),
    "handoffs": ("kpi.handoffs", "how often another one took over"),
    "rating": ("kpi.rating", "the visitor's rating, as the chat service has it"),
}
_VALUES: Mapping[str, Expression] = {name: Expression(source) for name, (source, _) in PARAMETERS.items()}

#: what a statement may begin with; nothing is ever taken out of a CRM
VERBS = frozenset({"select", "with", "insert", "update", "merge", "execute", "exec", "call"})
#: words by which a statement that begins like a search changes something after all
_CHANGING = re.compile(r"\b(?:insert|update|delete|merge)\b")

_TOKEN = re.compile(
    r"""
      (?P<literal>'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*")
    | (?P<comment>--[^\n]* | /\*.*?\*/)
    | (?P<cast>::)
    | :(?P<parameter>[A-Za-z_]\w*)
    | (?P<more>;)
    | (?P<bare>\?)
    | (?P<open>['"] | /\*)
    | (?P<other>[^'":;?/-]+ | .)
    """,
    re.VERBOSE | re.DOTALL,
)
#: how values are put into texts elsewhere
_PASTED = re.compile(r"\{[^{}\n]*\}|%\(\w+\)s|%s\b|(?<![\w$])\$\w+")
_QUOTED = re.compile(r":([A-Za-z_]\w*)|%([A-Za-z_]\w*)%")
#: what a statement was tried with, and still holds: an e-mail, a phone, the end of one after a `%`
_TRIED = re.compile(r"%*[^\s@%]+@[^\s@%]+\.\w+%*|\+\d(?:[\s().-]*\d){9,14}|[78](?:[\s().-]*\d){10}|%\+?\d(?:[\s().-]*\d){6,14}%?")


class Statement:
    """One statement, as good as frozen: equal and hashable by its text. Raises ValueError with the remedy."""

    __slots__ = ("changes", "names", "source", "sql", "verb")

    #: as it was written
    source: str
    #: with `?` in place of names
    sql: str
    #: the name at the place of each `?`
    names: tuple[str, ...]
    #: the word it begins with, in small letters
    verb: str
    #: False: it only reads
    changes: bool

    def __init__(self, source: str) -> None:
        self.source = source.strip()
        pasted = _PASTED.search(self.source)
        if pasted is not None:
            raise ValueError(f"{pasted[0]!r} would paste a value into the SQL; write its name, like :phone or :text")
        names: list[str] = []
        words: list[str] = []  # its text without what stands in quotes
        self.sql = "".join(_rewritten(self.source, names, words)).strip()
        self.names = tuple(names)
        plain = "".join(words).lower()
        verb = re.match(r"[\s(]*(\w*)", plain)
        self.verb = verb[1] if verb is not None else ""
        if self.verb not in VERBS:
            raise ValueError(f"a statement begins with one of {', '.join(sorted(VERBS)).upper()}; nothing else is sent to a CRM")
        self.changes = self.verb not in ("select", "with") or (self.verb == "with" and _CHANGING.search(plain) is not None)
        if self.verb == "update" and not re.search(r"\bwhere\b|\bor\s+insert\b", plain):
            raise ValueError("an UPDATE without WHERE changes every row of the table; say which, like WHERE id = :id")

    def fill(self, scope: Mapping[str, Any], findings: Findings | None = None, *, strict: bool = False) -> dict[str, Any]:
        """`sql` and `params`, the values in order; what is empty is null.

        Raises EmptyExpression if `strict` (searches, reads, looks) and a value is empty.
        """
        values = {name: _VALUES[name](scope, findings) for name in dict.fromkeys(self.names)}
        for name, value in values.items():
            if is_empty(value):
                values[name] = None
                if strict:
                    raise EmptyExpression(f":{name} is empty here; a search without it would find strangers, so nothing is sent")
        return {"sql": self.sql, "params": [values[name] for name in self.names]}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Statement) and other.source == self.source

    def __hash__(self) -> int:
        return hash(("statement", self.source))

    def __repr__(self) -> str:
        return f"Statement({self.source!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(lambda one: one.source)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "description": "SQL with named values: SELECT id FROM people WHERE phone LIKE '%' || :last10"}

    @classmethod
    def _validate(cls, value: Any) -> Statement:
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise ValueError("a statement is one text; below `sql:` stands NAME: STATEMENT")  # noqa: TRY004 - pydantic's way
        return cls(value)


def _rewritten(source: str, names: list[str], words: list[str]) -> Iterator[str]:
    """The text with `?`; the names go into `names`, in order, and what stands outside of quotes into `words`."""
    ended = False
    for token in _TOKEN.finditer(source):
        kind, text = token.lastgroup, token[0]
        if kind == "comment":
            words.append(" ")
            yield " "  # a `?` in it could be counted as one of ours
            continue
        if ended and text.strip():
            raise ValueError("there is a second statement behind the ;, and each name stands for one; make a name for each")
        if kind == "more":
            ended = True
        elif kind == "parameter":
            words.append(" ")
            yield _placed(token["parameter"], names)
        elif kind == "bare":
            raise ValueError("a bare ? does not say which value is meant; write its name, like :phone or :text")
        elif kind == "open":
            raise ValueError(f"{text} is opened and not closed")
        else:
            if kind in ("literal", "name"):
                _nothing_quoted(text)
            words.append(" " if kind in ("literal", "name") else text)
            yield text


def _placed(name: str, names: list[str]) -> str:
    known = name.lower()
    if known not in PARAMETERS:
        there = ", ".join(f":{one}" for one in PARAMETERS)
        raise ValueError(f"there is no value named :{name}{nearest(known, PARAMETERS)}; there are: {there}")
    names.append(known)
    return "?"


def _nothing_quoted(text: str) -> None:
    for found in _QUOTED.finditer(text):
        name = found[1] or found[2]
        if name.lower() in PARAMETERS:
            quote = text[0]
            raise ValueError(
                f"{found[0]} stands between quotes, where it is no value but text; take it out of them, "
                f"like {quote}%{quote} || :{name} || {quote}%{quote}"
            )
    if _TRIED.fullmatch(text[1:-1].strip()):  # not repeated here: it may well be somebody's
        raise ValueError(
            "a phone or an e-mail stands in it between quotes, the same for every chat; write :phone, :last10, :email …"
        )
