"""Every failure, sorted by what has to be done about it. Each class has a stable `code` used in the database, the ops page,
metrics and docs/errors.md. The class docstring is the default message; a message says what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class BridgeError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().split("\n")[0])

    @property
    def message(self) -> str:
        return str(self.args[0])


# -- at start-up: the operator or integrator has to change a file ------------------------------------------------------


class ConfigError(BridgeError):
    """The configuration cannot be used."""

    code = "config_invalid"


class MappingError(ConfigError):
    """A mapping cannot be used."""

    code = "mapping_invalid"


class StoreError(BridgeError):
    """The store cannot be used."""

    code = "store_unusable"


class StoreAway(StoreError):
    """The database cannot be reached, or takes no writes now. Nothing is wrong with the store; it is asked again."""

    code = "store_away"


# -- at the door: not stored, answered 4xx or 503 ----------------------------------------------------------------------


class Refused(BridgeError):
    """The request is not taken."""

    code = "refused"
    status: ClassVar[int] = 400


class UnknownSource(Refused):
    """No such source. It is answered like a bad secret, so that nobody can find out which sources exist."""

    code = "unknown_source"
    status = 404


class NotAuthentic(Refused):
    """The request does not prove that it comes from the provider."""

    code = "not_authentic"
    status = 404


class NotAUser(Refused):
    """The proxy names somebody who stands in no list of users of the ops page."""

    code = "not_a_user"
    status = 403


class TooLarge(Refused):
    """The body is larger than `receive.max_body`."""

    code = "too_large"
    status = 413


class NoRoom(Refused):
    """The store cannot take the delivery now; the provider is asked to come again."""

    code = "no_room"
    status = 503


class TooMany(Refused):
    """The source has sent more than its `most_per_minute`; the provider is asked to come again."""

    code = "too_many"
    status = 503


# -- in the pipeline ---------------------------------------------------------------------------------------------------


class NotUnderstood(BridgeError):
    """The delivery cannot be read with this provider's mapping. Did the provider change its format?"""

    code = "not_understood"


class EmptyExpression(BridgeError):
    """An expression in a search, a marker or a path came out empty, so the request is not sent."""

    code = "empty_expression"


class StaleLease(BridgeError):
    """Another worker holds this job by now; what this one wanted to write is refused."""

    code = "stale_lease"


class BrakeReached(BridgeError):
    """More new clients within an hour than `new_clients_per_hour` allows; the target waits until a person has looked."""

    code = "brake"


class FileLeft(BridgeError):
    """A file of the chat was not copied to the CRM; its link stands in the note."""

    code = "file_left"


class FileUnreachable(FileLeft):
    """The file could not be fetched from where it lies."""

    code = "file_unreachable"
    #: it may work a moment later
    passing: bool = False


class FileAddressRefused(FileLeft):
    """The file's address is not one on the internet, or leads away from it."""

    code = "file_address_refused"


class FileTooLarge(FileLeft):
    """The file is larger than `files: {max}` or the CRM allows."""

    code = "file_too_large"


class FileTypeRefused(FileLeft):
    """The file is of no kind that `files: {types}` names, or of none that can be told by its bytes."""

    code = "file_type_refused"


class CrmError(BridgeError):
    """The CRM did not do what it was asked."""

    code = "crm_error"

    def __init__(self, message: str | None = None, *, status: int | None = None, operation: str = "", excerpt: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.operation = operation
        #: masked beginning of the CRM's answer
        self.excerpt = excerpt


class TryLater(CrmError):
    """The CRM cannot do it now; the job is tried again by itself."""

    code = "crm_try_later"
    #: seconds the CRM asked us to wait; such a wait uses up no attempt
    retry_after: float | None = None
    #: False if it is certain that the CRM has not carried the request out (refused, or never sent)
    maybe_done: bool = False


class NoAnswer(TryLater):
    """The CRM gave no answer: no connection, a time-out, or the connection broke."""

    code = "crm_no_answer"
    maybe_done = True


class NotSent(TryLater):
    """No connection to the CRM could be made, so nothing was sent."""

    code = "crm_unreachable"


class Busy(TryLater):
    """The CRM's rate limit is reached."""

    code = "crm_busy"

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after: float | None = None,
        status: int | None = None,
        operation: str = "",
        excerpt: str = "",
    ) -> None:
        super().__init__(message, status=status, operation=operation, excerpt=excerpt)
        self.retry_after = retry_after


class CrmBroken(TryLater):
    """The CRM answered with an error of its own (5xx)."""

    code = "crm_broken"
    maybe_done = True


class AuthExpired(TryLater):
    """The CRM's access token has run out; it is refreshed and the request sent once more."""

    code = "crm_auth_expired"


class WillNotWork(CrmError):
    """Trying again will not help."""

    code = "crm_will_not_work"


class Rejected(WillNotWork):
    """The CRM refuses what we wrote."""

    code = "crm_rejected"


class AccessRefused(WillNotWork):
    """The CRM refuses our key or its rights do not suffice; the whole target waits until a person acts."""

    code = "crm_access_refused"


class Blocked(AccessRefused):
    """The CRM has blocked us; the whole target stops until a person says go."""

    code = "crm_blocked"


class AuthoriseAgain(AccessRefused):
    """The CRM's consent has come to its end; a person has to give it again: chat2crm auth TARGET."""

    code = "crm_authorise_again"


class NotFound(WillNotWork):
    """The record is not there (any more)."""

    code = "crm_not_found"


class Conflict(WillNotWork):
    """The CRM says that such a record exists already."""

    code = "crm_conflict"

    def __init__(
        self,
        message: str | None = None,
        *,
        records: list[dict[str, object]] | None = None,
        record_id: str | None = None,
        again_headers: dict[str, str] | None = None,
        status: int | None = None,
        operation: str = "",
        excerpt: str = "",
    ) -> None:
        super().__init__(message, status=status, operation=operation, excerpt=excerpt)
        #: the raw records the CRM named as already there
        self.records = records or []
        #: the id of the record already there, where the CRM told only that
        self.record_id = record_id
        #: headers with which the same request is allowed to make a second record
        self.again_headers = again_headers or {}


class UnknownOutcome(CrmError):
    """It is not known whether the CRM carried the request out, and it offers no way to look. A person decides."""

    code = "crm_unknown_outcome"
