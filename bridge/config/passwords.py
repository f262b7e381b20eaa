"""Passwords as they stand in a configuration: `scrypt$N$r$p$salt$digest`, the last two in base64. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets

#: 32 MiB and a tenth of a second: bearable for whoever signs in, dear for whoever tries a list of words
COST, BLOCK, PARALLEL = 2**15, 8, 1
_MOST_MEMORY = 128 * 2**20
_SALT_BYTES, _DIGEST_BYTES = 16, 32
_WRITTEN = re.compile(r"scrypt\$(\d{4,7})\$(\d{1,2})\$(\d)\$([A-Za-z0-9+/=]{16,88})\$([A-Za-z0-9+/=]{32,88})")


def hashed(password: str) -> str:
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = _digest(password, salt, COST, BLOCK, PARALLEL, _DIGEST_BYTES)
    return "$".join(("scrypt", str(COST), str(BLOCK), str(PARALLEL), *(base64.b64encode(raw).decode() for raw in (salt, digest))))


def holds(password: str, written: str) -> bool:
    """Whether it is the password of this hash; False for a hash that is none."""
    parts = _parts(written)
    if parts is None:
        return False
    cost, block, parallel, salt, digest = parts
    return hmac.compare_digest(_digest(password, salt, cost, block, parallel, len(digest)), digest)


def what_is_wrong_with(written: str) -> str | None:
    """Why no password can fit, with the remedy; None if one can. Never repeats it."""
    if _parts(written) is None:
        return "this is no hash of a password; `chat2crm password` makes one, beginning with scrypt$"
    return None


def _parts(written: str) -> tuple[int, int, int, bytes, bytes] | None:
    found = _WRITTEN.fullmatch(written)
    if found is None:
        return None
    cost, block, parallel = (int(found[place]) for place in (1, 2, 3))
    # as the standard wants N, and no more memory than a small machine can spare
    if cost < 2**14 or cost & (cost - 1) or not block or not parallel or 128 * cost * block * parallel > _MOST_MEMORY // 2:
        return None
    try:
        salt, digest = (base64.b64decode(found[place], validate=True) for place in (4, 5))
    except binascii.Error:
        return None
    return cost, block, parallel, salt, digest


def _digest(password: str, salt: bytes, cost: int, block: int, parallel: int, size: int) -> bytes:
    return hashlib.scrypt(
        password.encode(errors="surrogatepass"), salt=salt, n=cost, r=block, p=parallel, maxmem=_MOST_MEMORY, dklen=size
    )
