"""Access tokens of targets, sealed by whoever keeps them; what is in clear is only what pages and claims need."""

from __future__ import annotations

from bridge.store.records import TokenRow
from bridge.store.statements.database import Database


def token(db: Database, name: str) -> TokenRow | None:
    row = db.execute(
        "SELECT name, version, sealed, expires_at, saved_at, ended, consent FROM tokens WHERE name = ?", (name,)
    ).fetchone()
    return TokenRow(**dict(row)) if row else None


def claim(db: Database, name: str, *, version: int, owner: str, until: float, now: float) -> bool:
    db.execute("INSERT INTO tokens (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    return bool(
        db.execute(
            "UPDATE tokens SET claimed_by = ?, claimed_until = ? WHERE name = ? AND version = ? AND ended = '' "
            "AND (claimed_until IS NULL OR claimed_until <= ? OR claimed_by = ?)",
            (owner, until, name, version, now, owner),
        ).rowcount
    )


def release(db: Database, name: str, owner: str) -> None:
    db.execute("UPDATE tokens SET claimed_by = NULL, claimed_until = NULL WHERE name = ? AND claimed_by = ?", (name, owner))


def save(
    db: Database, name: str, sealed: bytes, *, expires_at: float | None, replaces: int | None, now: float
) -> bool:
    db.execute("INSERT INTO tokens (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    return bool(
        db.execute(
            "UPDATE tokens SET version = version + 1, sealed = ?, expires_at = ?, saved_at = ?, ended = '', "
            "claimed_by = NULL, claimed_until = NULL, consent = ? WHERE name = ? AND version = coalesce(?, version)",
            (sealed, expires_at, now, b"", name, replaces),
        ).rowcount
    )


def end(db: Database, name: str, *, version: int, reason: str) -> None:
    db.execute("INSERT INTO tokens (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    db.execute(
        "UPDATE tokens SET ended = ?, claimed_by = NULL, claimed_until = NULL WHERE name = ? AND version = ?",
        (reason, name, version),
    )


def keep_consent(db: Database, name: str, sealed: bytes) -> None:
    db.execute("INSERT INTO tokens (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    db.execute("UPDATE tokens SET consent = ? WHERE name = ?", (sealed, name))
