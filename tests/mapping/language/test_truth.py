"""What is empty, true, the same and less, for data of any kind."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.mapping.language.truth import COMPARISONS, is_empty, is_true


@pytest.mark.parametrize(
    ("value", "empty", "true"),
    [
        (None, True, False),
        ("", True, False),
        ([], True, False),
        ({}, True, False),
        (False, False, False),
        (0, False, True),
        (0.0, False, True),
        ("0", False, True),
        ([None], False, True),
        (True, False, True),
    ],
)
def test_empty_and_true_are_not_opposites(value: Any, empty: bool, true: bool) -> None:
    assert (is_empty(value), is_true(value)) == (empty, true)


@pytest.mark.parametrize(
    ("left", "right", "held"),
    [
        (1, 1.0, "eq gte lte"),
        (1, True, "ne"),
        (0, False, "ne"),
        (1, "1", "ne"),
        (1, 2, "ne lt lte"),
        ("b", "a", "ne gt gte"),
        ([1], [1], "eq"),
        (None, None, "eq"),
        ({}, [], "ne"),
        ([1], [2], "ne"),
    ],
)
def test_only_numbers_and_texts_have_an_order_and_nothing_is_the_same_as_another_kind(left: Any, right: Any, held: str) -> None:
    assert {name for name, compare in COMPARISONS.items() if compare(left, right)} == set(held.split())
