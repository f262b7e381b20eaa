"""The closed list of functions: JMESPath's own, made total, and ours. Each has a row in mappings/README.md and a test."""

from __future__ import annotations

from bridge.mapping.functions import phones, standard, texts, times, values  # noqa: F401 - they enter the table
from bridge.mapping.functions.table import FUNCTIONS, Function, FunctionProblem

__all__ = ["FUNCTIONS", "Function", "FunctionProblem"]
