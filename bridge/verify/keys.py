"""Secrets and public keys, as people paste them into a config. A key that cannot be read fits no signature; what is
wrong with it is said at start-up, by `what_is_wrong_with`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

# cryptography takes six megabytes and a tenth of the start; it is loaded by the first public key, and few providers have one

#: how the Standard Webhooks keys are marked: shared secret, public key, private key
SHARED, PUBLIC, PRIVATE = "whsec_", "whpk_", "whsk_"
SIGNING_PREFIXES = (SHARED, PUBLIC, PRIVATE)
#: the standard asks for 24 to 64 random bytes; 16 is what still cannot be guessed
SHORTEST_STANDARD_KEY = 16
ED25519_KEY_BYTES = 32
#: a secret that stands in an address or a header and is shorter than this can be guessed
SHORTEST_SECRET = 12

#: the mapping's word → the name in cryptography
_HASHES = {"sha1": "SHA1", "sha256": "SHA256", "sha512": "SHA512"}


def decoded(text: str, encoding: str) -> bytes | None:
    """`text` as bytes, from `hex`, `base64` (also without its padding) or plain `text`; None if it is not that."""
    try:
        if encoding == "hex":
            return binascii.unhexlify(text)
        if encoding == "base64":
            return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        return text.encode()
    except ValueError:
        return None


def standard_key(key: str) -> bytes | None:
    """The shared secret of Standard Webhooks: base64 behind its prefix, which some senders leave out."""
    if key.startswith((PUBLIC, PRIVATE)):
        return None
    raw = decoded(key.removeprefix(SHARED), "base64")
    return raw if raw and len(raw) >= SHORTEST_STANDARD_KEY else None


@lru_cache(maxsize=64)
def _rsa_key(key: str) -> RSAPublicKey | None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        if "-----BEGIN" in key:
            loaded = serialization.load_pem_public_key(key.strip().encode())
        else:
            loaded = serialization.load_der_public_key(base64.b64decode("".join(key.split()), validate=True))
    except ValueError:
        return None
    return loaded if isinstance(loaded, RSAPublicKey) else None


@lru_cache(maxsize=64)
def _ed25519_key(key: str, written: str) -> Ed25519PublicKey | None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    raw = decoded(key.removeprefix(PUBLIC).strip(), "base64" if key.startswith(PUBLIC) else written)
    return Ed25519PublicKey.from_public_bytes(raw) if raw and len(raw) == ED25519_KEY_BYTES else None


def rsa_holds(key: str, message: bytes, signature: bytes, algorithm: str) -> bool:
    """PKCS#1 v1.5. `key`: a public key as PEM, or as base64 of its DER form."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    public = _rsa_key(key)
    if public is None:
        return False
    try:
        public.verify(signature, message, padding.PKCS1v15(), getattr(hashes, _HASHES[algorithm])())
    except InvalidSignature:
        return False
    return True


def ed25519_holds(key: str, message: bytes, signature: bytes, written: str = "base64") -> bool:
    """`key`: the 32 bytes of a public key, in `hex` or `base64`, with or without the prefix `whpk_`."""
    from cryptography.exceptions import InvalidSignature

    public = _ed25519_key(key, written)
    if public is None:
        return False
    try:
        public.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def what_is_wrong_with(scheme: str, key: str, written: str = "text") -> str | None:
    """Why `key` can never fit under `scheme`, with the remedy; None if it can. Never repeats the key."""
    if not key.strip():
        return "the secret is empty; paste the one the provider shows"
    wrong = _WRONG.get(scheme)
    return wrong(key, written) if wrong else None


def _wrong_rsa_key(key: str, _written: str) -> str | None:
    if _rsa_key(key) is None:
        return "this is no RSA public key; paste it as PEM (-----BEGIN PUBLIC KEY-----) or as the base64 text shown"
    return None


def _wrong_ed25519_key(key: str, written: str) -> str | None:
    if _ed25519_key(key, written) is None:
        return "this is no Ed25519 public key of 32 bytes; paste the public key, not the private one"
    return None


def _wrong_hmac_secret(key: str, written: str) -> str | None:
    if not decoded(key, written):
        return f"the secret is not {written}; paste it exactly as the provider shows it"
    return None


def _wrong_standard_key(key: str, _written: str) -> str | None:
    if key.startswith(PRIVATE):
        return "this is the private key, which only the sender may have; paste the public one (whpk_…)"
    if key.startswith(PUBLIC):
        return None if _ed25519_key(key, "base64") else "whpk_… must be followed by 32 bytes in base64"
    if standard_key(key) is None:
        return 'a signing secret is whsec_ and at least 24 bytes in base64: echo "whsec_$(openssl rand -base64 24)"'
    return None


def _wrong_plain_secret(key: str, _written: str) -> str | None:
    if key.startswith(SIGNING_PREFIXES):
        return "a signing key must not travel in a request; make a secret of its own: openssl rand -hex 20"
    if len(key) < SHORTEST_SECRET:
        return f"a secret of fewer than {SHORTEST_SECRET} characters can be guessed; make one: openssl rand -hex 20"
    return None


_WRONG: dict[str, Callable[[str, str], str | None]] = {
    "rsa": _wrong_rsa_key,
    "ed25519": _wrong_ed25519_key,
    "hmac": _wrong_hmac_secret,
    "standard_webhooks": _wrong_standard_key,
    "equality": _wrong_plain_secret,
}
