"""Signatures that a request carries, made anew for every request. Pure: bytes and keys in, header values out."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable

from bridge.errors import AccessRefused, Rejected
from bridge.verify.keys import standard_key

#: the headers of Standard Webhooks 1.0
ID_HEADER, TIME_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
#: bytes may go as text through a template and come out again: each is the sign of its number
_BYTES_AS_TEXT = "latin-1"


def digest(key: str, signed: str, algorithm: str, encoding: str) -> str:
    """The HMAC of a text, as `{signature}` in a template: hex, base64, or (`bytes`) each byte as the sign of its number."""
    raw = hmac.digest(key.encode(), signed.encode(), algorithm)
    if encoding == "bytes":
        return raw.decode(_BYTES_AS_TEXT)
    return raw.hex() if encoding == "hex" else base64.b64encode(raw).decode("ascii")


def in_base64(value: str) -> str:
    """A value that holds bytes as `digest` gives them, as it can stand in a header.

    Raises Rejected if something else in it is no byte: keys of such CRMs are plain letters and digits.
    """
    try:
        return base64.b64encode(value.encode(_BYTES_AS_TEXT)).decode("ascii")
    except UnicodeEncodeError:
        raise Rejected("The key that stands before the signature holds signs it cannot hold; was it pasted whole?") from None


def standard_webhook(message_id: str, timestamp: int, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The headers of Standard Webhooks besides the id: when it was sent, and a signature with every key.

    Raises AccessRefused if a key is none of the standard's: `whsec_` and base64 of at least 16 bytes.
    """
    message = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return {TIME_HEADER: str(timestamp), SIGNATURE_HEADER: " ".join(_version_1(key, message) for key in keys)}


def _version_1(key: str, message: bytes) -> str:
    raw = standard_key(key)
    if raw is None:
        raise AccessRefused(
            "The key that signs is not one of Standard Webhooks: it has to be `whsec_` and the base64 of 24 to 64 random bytes. "
            "Make one with: echo whsec_$(openssl rand -base64 32)"
        )
    return "v1," + base64.b64encode(hmac.digest(raw, message, "sha256")).decode("ascii")
