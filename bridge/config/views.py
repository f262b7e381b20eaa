"""Views of settings: for people without secrets, and the secrets alone for the masking of log lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from bridge.config.values import Revealed

SET = "set"
NOT_SET = "not set"


def described(value: Any) -> Any:
    """Plain data for people: what came out of a variable or a file is `set`, numbers and words as they are."""
    if isinstance(value, SecretStr | Revealed):
        return SET
    if isinstance(value, BaseModel):
        return {name: _field(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(key): described(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [described(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _without_password(str(getattr(value, "source", value)))


def secrets_in(value: Any) -> Iterator[str]:
    """Every secret inside, in clear; also what free fields took from a variable, and the password in an address."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, Revealed):
        yield str(value)
    elif isinstance(value, str):
        password = _password(value)
        if password:
            yield password
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from secrets_in(item)


def _field(model: BaseModel, name: str) -> Any:
    value = getattr(model, name)
    if "SecretStr" in str(type(model).model_fields[name].annotation):
        if not value:
            return NOT_SET
        if isinstance(value, tuple) and len(value) > 1:
            return f"{len(value)} {SET}"
        return SET
    return described(value)


def _password(text: str) -> str | None:
    try:
        return urlsplit(text).password if "://" in text else None
    except ValueError:
        return None


def _without_password(text: str) -> str:
    password = _password(text)
    return text.replace(f":{password}@", f":({SET})@", 1) if password else text
