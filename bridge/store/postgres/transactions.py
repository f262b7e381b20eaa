"""One group of calls as one transaction: its locks, what each of its calls does, its commit; and all of it once more where
somebody was in the way.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.errors import NoRoom
from bridge.store.postgres.connecting import IN_THE_WAY, OWN_FAULT, Connection, connect, is_lost, psycopg, refusal
from bridge.store.postgres.database import Database
from bridge.store.postgres.roots import take
from bridge.store.roots import Roots

#: how often a group is run
TRIES = 6
#: a lock was not had in time
NOT_HAD = "55P03"
#: milliseconds for a lock; and where those of a group whose locks are free are told from those whose are not: each of these is
#: waited for by all behind it
PATIENCE, AT_ONCE = 2000, 20
#: milliseconds for a lock, for a statement; and after which the server ends a transaction of which it hears nothing any more,
#: so that what a replica held that was cut off is free again
_LIMITS = (
    "BEGIN; SELECT set_config('lock_timeout', '{}', true), set_config('statement_timeout', '30000', true), "
    "set_config('idle_in_transaction_session_timeout', '10000', true)"
)

#: carries out several calls of a kind at once, and gives what each gives or raises
Together = Callable[[Database, Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Call:
    roots: Roots
    future: asyncio.Future[Any]
    does: Callable[[Database], Any] | None = None
    together: Together | None = None
    about: Any = None
    #: after all others of its group
    last: bool = False
    #: how often its locks were not had
    tries: int = 0

    def alone(self, db: Database) -> Any:
        if self.does is not None:
            return self.does(db)
        assert self.together is not None  # noqa: S101 - one of the two
        [given] = self.together(db, [self.about])
        if isinstance(given, Exception):
            raise given
        return given


class NotHad(NoRoom):
    """A lock was not had in time."""


Ended = tuple[Call, Any, BaseException | None]


class Working:
    """One thread's connection, made when it is needed and made anew when it is lost."""

    def __init__(self, settings: dict[str, Any], schema: str) -> None:
        self._settings = settings
        self._schema = schema
        self._connection: Connection | None = None

    def carry_out(self, calls: list[Call], *, patience: int | None = None) -> list[Ended]:  # noqa: C901, PLR0912 - each way in which it may end has its own consequence
        apart, last = False, NoRoom("The database does not take it now.")
        for number in range(TRIES):
            if number:
                time.sleep(random.uniform(0, 0.01 * 2**number))  # noqa: S311 - so that those who met do not meet again
            committing = False
            try:
                if self._connection is None:
                    self._connection = connect(self._settings)
                db = Database(self._connection, self._schema)
                db.later(_LIMITS.format(patience or PATIENCE))
                ended, whole = self._transaction(db, calls, apart=apart)
                if not whole:
                    apart = True
                    continue
                db.later("COMMIT")
                committing = True
                db.flush()
            except NoRoom as error:
                return [(call, None, error) for call in calls]
            except psycopg.Error as error:
                lost = self._undo()
                last = refusal(error)
                if committing and (lost or error.sqlstate is None):
                    last = NoRoom("The connection to the database was lost during a commit; nobody knows what became of it.")
                    break
                if error.sqlstate is not None and error.sqlstate[:2] in OWN_FAULT and not apart:
                    apart = True
                elif error.sqlstate == NOT_HAD and len(calls) > 1:
                    # somebody holds what one of them wants: which one, and the others all the same
                    return [ended for call in calls for ended in self.carry_out([call], patience=AT_ONCE)]
                elif error.sqlstate == NOT_HAD:
                    return [(calls[0], None, NotHad(last.message))]
                elif not (lost or error.sqlstate in IN_THE_WAY):
                    self._drop()  # perhaps this server does not take writes any more, and another one does
                    break
            except BaseException as error:  # noqa: BLE001 - handed to the callers
                self._drop()
                return [(call, None, error) for call in calls]
            else:
                return ended
        return [(call, None, last) for call in calls]

    def _transaction(self, db: Database, calls: list[Call], *, apart: bool) -> tuple[list[Ended], bool]:
        """All but the commit. `apart`: what one call does wrong undoes nothing of the others'; else nothing is given, and the
        group has to be run again so.
        """
        take(db, (call.roots for call in calls))
        ended: list[Ended] = []
        several: list[Call] = []
        if not apart:
            several = [call for call in calls if call.together is not None]
            calls = [call for call in calls if call.does is not None]
        for call in sorted(calls, key=lambda call: call.last):
            if apart:
                db.later("SAVEPOINT one")
                db.flush()
            try:
                result = call.alone(db)
                if apart:
                    db.flush()
                ended.append((call, result, None))
            except psycopg.Error as error:
                if not apart or error.sqlstate is None or error.sqlstate[:2] not in OWN_FAULT:
                    raise
                ended.append((call, None, error))
                db.discard()
                db.later("ROLLBACK TO one")
            except Exception as error:  # noqa: BLE001 - the caller's own failure; handed to the caller
                db.discard()
                if not apart:
                    _roll_back(db)
                    if ended or several or len(calls) > 1:
                        return [], False
                    db.later("BEGIN")
                    return [(call, None, error)], True
                ended.append((call, None, error))
                db.later("ROLLBACK TO one")
            if apart:
                db.later("RELEASE one")
        given = _together(db, sorted(several, key=lambda call: call.last))
        return ([], False) if given is None else (ended + given, True)

    def _undo(self) -> bool:
        """True if the connection is lost."""
        connection = self._connection
        if connection is None or is_lost(connection):
            self._drop()
            return True
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            self._drop()
            return True
        return False

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def close(self) -> None:
        self._drop()


def _roll_back(db: Database) -> None:
    if db.connection.info.transaction_status is not psycopg.pq.TransactionStatus.IDLE:
        db.later("ROLLBACK")
        db.flush()


def _together(db: Database, calls: Iterable[Call]) -> list[Ended] | None:
    """None: one of them cannot be carried out; which one shows when each is run by itself."""
    kinds: dict[Together, list[Call]] = {}
    for call in calls:
        if call.together is not None:
            kinds.setdefault(call.together, []).append(call)
    ended: list[Ended] = []
    for together, alike in kinds.items():
        try:
            given = together(db, [call.about for call in alike])
        except psycopg.Error:
            raise
        except Exception:  # noqa: BLE001 - the caller's own failure, and not the others'
            db.discard()
            _roll_back(db)
            return None
        ended += [
            (call, None, one) if isinstance(one, Exception) else (call, one, None) for call, one in zip(alike, given, strict=True)
        ]
    return ended
