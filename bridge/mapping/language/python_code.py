"""Python that is being written, line by line, and what it knows by a name.

Of what a mapping's author wrote nothing but texts and numbers gets into the lines, as `repr` writes them; all else is a value
that the functions know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Code:
    """Functions, and the values that they know by a name."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = dict(known)
        self._functions: list[str] = []

    def knows(self, value: Any) -> str:
        """The name by which the functions know it; of null, true and false the words."""
        if value is None or isinstance(value, bool):
            return repr(value)
        name = f"k{len(self._known)}"
        self._known[name] = value
        return name

    def function(self, parameters: str, body: Body) -> str:
        """The name of a function that the others can call."""
        name = f"part{len(self._functions)}"
        self._define(name, parameters, body)
        return name

    def made(self, name: str, parameters: str, body: Body) -> Callable[..., Any]:
        """This function, ready to be called."""
        self._define(name, parameters, body)
        exec(compile("\n".join(self._functions), f"<{name}>", "exec"), self._known)  # noqa: S102 - ours, line by line
        function: Callable[..., Any] = self._known[name]
        return function

    def _define(self, name: str, parameters: str, body: Body) -> None:
        self._functions.append("\n".join([f"def {name}({parameters}):", *body.lines]))


class Body:
    """The lines of one function."""

    def __init__(self, code: Code, depth: int = 1) -> None:
        self.code = code
        self.lines: list[str] = []
        #: blocks around the next line
        self.depth = depth
        self._variables = 0

    def line(self, text: str) -> None:
        self.lines.append(" " * self.depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.line(head)
        self.depth += 1
        yield
        self.depth -= 1

    def name(self) -> str:
        """Of a new variable."""
        self._variables += 1
        return f"v{self._variables}"

    def variable(self, value: str) -> str:
        """A new variable with that value."""
        name = self.name()
        self.line(f"{name} = {value}")
        return name
