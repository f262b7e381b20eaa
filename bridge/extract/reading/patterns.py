"""Expressions put together from lines that can be read."""

from __future__ import annotations


def any_of(*alternatives: str) -> str:
    """One group that matches any of them."""
    return f"(?:{'|'.join(alternatives)})"


def has_any(text: str, signs: tuple[str, ...]) -> bool:
    """Whether one of the signs stands in the text. A loop, because it is asked of every message and costs half of `any`."""
    for sign in signs:  # noqa: SIM110 - see above
        if sign in text:
            return True
    return False


def words(*lines: str) -> str:
    """One group that matches any of the words of these lines."""
    return any_of(*(word for line in lines for word in line.split()))


def listed(*lines: str) -> frozenset[str]:
    """The words of these lines."""
    return frozenset(word for line in lines for word in line.split())
