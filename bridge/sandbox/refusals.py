"""What the sandbox CRM refuses, whatever the language it is asked in: each API words these in its own way."""

from __future__ import annotations


class Refusal(Exception):
    """The CRM does not do it. `code` is stable; the message says what to do."""

    code = "refused"
    status = 400


class BadRequest(Refusal):
    """The request cannot be understood."""

    code = "bad_request"


class Unfit(Refusal):
    """The request is understood, but its values cannot be stored."""

    code = "invalid"
    status = 422

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class NoKey(Refusal):
    """Who asks is not known."""

    code = "unauthorized"
    status = 401


class ReadOnly(Refusal):
    """Who asks may not write."""

    code = "forbidden"
    status = 403


class Missing(Refusal):
    """There is no such record, or it was deleted."""

    code = "not_found"
    status = 404

    def __init__(self, what: str, name: object) -> None:
        super().__init__(f"there is no {what} {name}")


class Merged(Refusal):
    """The client was merged into another one."""

    code = "merged"
    status = 410

    def __init__(self, client_id: int, into: int) -> None:
        super().__init__(f"client {client_id} was merged into client {into}; use that one")
        self.into = into


class Duplicate(Refusal):
    """A field that must be unique is taken."""

    code = "duplicate"
    status = 409

    def __init__(self, what: str, field: str, holder: int) -> None:
        super().__init__(f"a {what} with this {field} exists")
        self.what = what
        self.field = field
        self.holder = holder


class Lookalikes(Refusal):
    """Clients with one of these contact points exist, and the switch `refuse_duplicates` is on."""

    code = "possible_duplicate"
    status = 409

    def __init__(self, ids: list[int]) -> None:
        super().__init__(
            "clients with this phone or e-mail exist; use one of them, "
            "or send the header X-Allow-Duplicate: true to make one more"
        )
        self.ids = ids


class KeyReused(Refusal):
    """An idempotency key came again with another body."""

    code = "idempotency_key_reused"
    status = 422

    def __init__(self, key: str) -> None:
        super().__init__(f"Idempotency-Key {key!r} was used with another body; use a new key for a new record")


class UnknownReference(Refusal):
    """A field names a record that is not there."""

    code = "invalid"
    status = 422

    def __init__(self, field: str, wanted: object) -> None:
        super().__init__(f"{field}: there is no record {wanted}")
