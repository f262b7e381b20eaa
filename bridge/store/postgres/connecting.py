"""Connections, and what goes wrong with them.

No connection has settings of its own that a statement rests on: what a transaction needs it sets for itself (SET LOCAL), nothing
is prepared, and nothing is listened to. So a pooler that gives each transaction another connection serves as well.
"""

from __future__ import annotations

from typing import Any

from bridge.errors import ConfigError, NoRoom

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict
    from psycopg.rows import dict_row
    from psycopg.types.numeric import IntLoader
except ImportError as error:  # the extra is not installed
    raise ConfigError(
        "store: PostgreSQL needs the driver that comes with the extra `postgres`: pip install 'chat2crm[postgres]' "
        f"({error.name or error} is missing)."
    ) from error

Connection = psycopg.Connection[dict[str, Any]]

#: what a connection is made with, unless the address says otherwise
DEFAULTS: dict[str, Any] = {
    "application_name": "chat2crm",
    "client_encoding": "UTF8",
    "connect_timeout": 5,
    # of several hosts the one that can be written to
    "target_session_attrs": "read-write",
    # a network that swallows everything is noticed after so long: seconds, and milliseconds
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

#: somebody else was in the way: the same once more may succeed. Serialization, deadlock
IN_THE_WAY = frozenset({"40001", "40P01"})
#: by their first two characters, faults of the statement itself, not of the database: data, constraints, syntax, an assertion
OWN_FAULT = frozenset({"21", "22", "23", "42", "P0"})


class _Whole(IntLoader):
    """Sums of whole numbers come as `numeric`."""

    def load(self, data: Any) -> Any:
        return float(bytes(data)) if b"." in bytes(data) else super().load(data)


def parameters(url: str) -> dict[str, Any]:
    """Raises ConfigError for what is no address of a database; its password is in no message."""
    try:
        given = {name: value for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error as error:
        raise ConfigError(
            "store: is no address of a PostgreSQL database; write postgresql://user:password@host:5432/database, with what is "
            "special in the password percent-encoded."
        ) from error
    return {**DEFAULTS, **given}


def connect(settings: dict[str, Any]) -> Connection:
    """Raises NoRoom if the database cannot be reached."""
    try:
        made = psycopg.connect(
            **settings, autocommit=True, prepare_threshold=None, cursor_factory=psycopg.ClientCursor, row_factory=dict_row
        )
    except psycopg.Error as error:
        raise NoRoom(f"The database cannot be reached: {said(error)}.") from error
    made.adapters.register_loader("numeric", _Whole)
    return made


def said(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".")


def is_lost(connection: Connection) -> bool:
    return connection.closed or connection.broken


def refusal(error: psycopg.Error) -> NoRoom:
    made = NoRoom(f"The database does not take it now: {said(error)}.")
    made.__cause__ = error
    return made


__all__ = [
    "DEFAULTS", "IN_THE_WAY", "OWN_FAULT", "Connection", "connect", "dict_row", "is_lost", "parameters", "psycopg", "refusal",
    "said",
]  # fmt: skip
