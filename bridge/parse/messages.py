"""Where a mapping says the messages stand → the chat's messages, each with its author's role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bridge.mapping.language.expressions import Expression, Findings
from bridge.mapping.language.scopes import Scope, item_scope
from bridge.mapping.language.truth import is_true
from bridge.mapping.schema import Files, Messages
from bridge.model import File, Message, Role
from bridge.parse.limits import LIMITS, Limits
from bridge.parse.markup import plain_text
from bridge.parse.values import as_list, as_text, as_time, as_url

#: where a chat comes as one text: lines of a message, taken over all of them
LINES_OF_A_MESSAGE = 20
#: whose name is of interest; the visitor's stands with the visitor
NAMED_ROLES = frozenset({Role.OPERATOR, Role.BOT, Role.INTERNAL})


def read_messages(rule: Messages, scope: Scope, findings: Findings, limits: Limits = LIMITS) -> tuple[Message, ...]:
    """The messages in the provider's order, or in that of `sort`. Those without text and files are left out.

    A word for the author that the role table does not know makes the message `system`, with a finding: it is kept for
    the reader, but nothing in it can be taken for what the visitor said. Raises NotUnderstood if there are too many.
    """
    found = []
    elements = _elements(rule, scope, findings, limits)
    limits.check_messages(len(elements), "messages in the chat")
    for item in (item_scope(element, scope) for element in elements if element is not None):
        if rule.when is not None and not is_true(rule.when(item, findings)):
            continue
        message = _message(rule, item, findings)
        if message is not None:
            found.append((_place(rule.sort, item, findings), message))
    if rule.sort is not None:
        found.sort(key=lambda placed: placed[0])
    return tuple(message for _, message in found)


def _elements(rule: Messages, scope: Scope, findings: Findings, limits: Limits) -> list[Any]:
    if rule.each is not None:
        return as_list(rule.each(scope, findings))
    text = rule.lines(scope, findings) if rule.lines else None
    return _lines(rule, as_text(text) or "", limits)


def _lines(rule: Messages, text: str, limits: Limits) -> list[Any]:
    """One text that holds the whole chat, taken apart. A line that does not look like the beginning of a message goes
    on the one before; before any message it is nobody's, which makes it `system`.
    """
    found: list[tuple[dict[str, Any], list[str]]] = []
    lines = text.split(rule.cut or "\n")
    limits.check_messages(len(lines) // LINES_OF_A_MESSAGE, f"messages of {LINES_OF_A_MESSAGE} lines in the chat")
    for line in lines:
        groups = rule.pattern.search(line) if rule.pattern else None
        if groups is not None:
            found.append((dict(groups), []))
        elif found:
            found[-1][1].append(line)
        elif line.strip():
            found.append(({"text": line}, []))
    # put together once: line by line a message of a hundred thousand would be copied as often
    whole = ({**groups, "text": "\n".join([groups.get("text") or "", *more])} if more else groups for groups, more in found)
    return [{**groups, "match": groups} for groups in whole]


def _message(rule: Messages, item: Scope, findings: Findings) -> Message | None:
    written = _value(rule.text, item, "text", findings)
    text = plain_text(as_text(written) or "", rule.markup)
    files = tuple(_files(rule.files, item, findings)) if rule.files else ()
    role = _role(rule, item, findings) if text or files else None
    if role is None:
        return None
    return Message(
        role=role,
        text=text,
        at=as_time(_value(rule.at, item, "at", findings), findings, "the time of a message"),
        id=as_text(_value(rule.id, item, None, findings)),
        author=as_text(_value(rule.author, item, "author", findings)) if role in NAMED_ROLES else None,
        files=files,
    )


def _value(expression: Expression | None, item: Scope, group: str | None, findings: Findings) -> Any:
    """What the expression gives; without one, the pattern's group of that name (only lines have one)."""
    if expression is not None:
        return expression.evaluate(item, findings)
    return (item.get("match") or {}).get(group) if group else None


def _role(rule: Messages, item: Scope, findings: Findings) -> Role | None:
    """None: this author's lines are left out."""
    word = as_text(_value(rule.role, item, "role", findings))
    named = rule.roles.get(word or "", rule.roles.get("*"))
    if named is None:
        findings.add(f"the role {word!r} of a message is not in the mapping's `roles`; it was taken for system")
        return Role.SYSTEM
    return named if isinstance(named, Role) else None


def _files(rule: Files, item: Scope, findings: Findings) -> Iterator[File]:
    for element in as_list(rule.each(item, findings)):
        scope = item_scope(element, item)
        url = as_url(rule.url(scope, findings))
        if url is None:
            findings.add("a file of a message has no web address; it was left out")
            continue
        yield File(
            url=url,
            name=as_text(rule.name(scope, findings)) or "" if rule.name else "",
            type=as_text(rule.type(scope, findings)) or "" if rule.type else "",
        )


def _place(sort: Expression | None, item: Scope, findings: Findings) -> tuple[int, float, str]:
    """Numbers in order, then texts, then what has no place; of equals the provider's order holds."""
    text = as_text(sort(item, findings)) if sort is not None else None
    if text is None:
        return 2, 0.0, ""
    try:
        return 0, float(text), ""
    except ValueError:
        return 1, 0.0, text
