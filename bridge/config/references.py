"""`${NAME}` and `${file:/run/secrets/name}`: what is not written into the configuration itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bridge.config.values import Revealed

# YAML takes the braces of a reference for its own inside {…}. They are swapped for characters that mean nothing to it, one
# for one, so that every place in the file stays where it was.
_OPEN, _DOLLAR, _CLOSE = "\ue000", "\ue001", "\ue002"
_WRITTEN = re.compile(r"(?<!\$)\$\{([^{}\n]*)\}")
_HIDDEN = re.compile(f"{_DOLLAR}{_OPEN}([^{_CLOSE}]*){_CLOSE}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE = "file:"
_ENV_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")


def hide_braces(text: str) -> str:
    """The text, as long as before, with references that YAML reads as plain words. Raises ValueError on our marks."""
    if any(mark in text for mark in (_OPEN, _DOLLAR, _CLOSE)):
        raise ValueError("the file holds characters of the private use area (U+E000…), which nothing here needs; remove them")
    return _WRITTEN.sub(lambda found: f"{_DOLLAR}{_OPEN}{found[1]}{_CLOSE}", text)


def show_braces(text: str) -> str:
    return text.replace(_DOLLAR + _OPEN, "${").replace(_CLOSE, "}")


class References:
    """Puts values in the place of references, and remembers which files they came from."""

    def __init__(self, environ: Mapping[str, str], folder: Path, *, dotenv: Path | None = None) -> None:
        self._environ = environ
        self._folder = folder
        self._dotenv = dotenv or folder / ".env"
        self.files: list[Path] = []
        self._from_dotenv: dict[str, str] = {}
        if self._dotenv.is_file():
            self._from_dotenv = read_dotenv(self._dotenv)
            self.files.append(self._dotenv)

    def fill(self, text: str) -> str:
        """A scalar with its references replaced. Raises ValueError with the remedy if one leads nowhere."""
        if _HIDDEN.search(text) is None:
            return text.replace("$${", "${")
        return Revealed(_HIDDEN.sub(lambda found: self._value(found[1].strip()), text))

    def _value(self, reference: str) -> str:
        if reference.startswith(_FILE):
            return self._from_file(reference.removeprefix(_FILE).strip())
        if not _NAME.fullmatch(reference):
            raise ValueError(f"${{{reference}}} is no reference; write ${{NAME}} for a variable or ${{file:/path}} for a file")
        for variables in (self._environ, self._from_dotenv):
            if reference in variables:
                return variables[reference]
        raise ValueError(f"the environment variable {reference} is not set; set it, or write {reference}=… into {self._dotenv}")

    def _from_file(self, name: str) -> str:
        path = self._folder / name  # an absolute one stays what it is
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise ValueError(f"the file {path} cannot be read: {reason}; mount it, or correct the path") from error
        self.files.append(path)
        return text.rstrip("\r\n")


def read_dotenv(path: Path) -> dict[str, str]:
    """Lines `NAME=value`; `export`, quotes around the whole value, and comments are understood. Raises ValueError."""
    variables = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = _ENV_LINE.fullmatch(stripped)
        if found is None:
            raise ValueError(f"{path}:{number}: this is no line of the form NAME=value; correct it or put # before it")
        variables[found[1]] = _unquoted(found[2].strip())
    return variables


def _unquoted(value: str) -> str:
    for quote in "\"'":
        if len(value) > 1 and value.startswith(quote) and quote in value[1:]:
            return value[1 : value.index(quote, 1)]
    return re.sub(r"(?:^|\s+)#.*$", "", value)
