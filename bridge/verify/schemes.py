"""The schemes by which a request is proved authentic, and the one function that tries a mapping's rules."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from bridge.errors import NotAuthentic
from bridge.verify import proof
from bridge.verify.keys import PUBLIC as PUBLIC_PREFIX
from bridge.verify.keys import SIGNING_PREFIXES, decoded, ed25519_holds, rsa_holds, standard_key
from bridge.verify.rules import Asked, Incoming, Rule, Verdict

Scheme = Callable[[Rule, Asked, Sequence[str], float], Verdict]
Holds = Callable[[Rule, str, bytes, bytes], bool]

#: the two names under which one and the same standard is sent
STANDARD_NAMES = ("webhook", "svix")
#: seconds, as the standard's own libraries have it
STANDARD_TOLERANCE = 300.0


def verify(rules: Sequence[Rule], request: Incoming, keys: Sequence[str], *, now: datetime,
           payload: Any = None) -> Verdict:
    """Prove that `request` is the provider's: one rule that holds with one of the source's keys is enough.

    `keys` are secrets or public keys; several at once let a secret be changed without a gap. `payload` is the decoded
    body, needed only where a secret travels in it. A good signature of too old a time gives a Verdict that is `stale`.
    Raises NotAuthentic; its message is for the log, never for the caller, and repeats nothing secret.
    """
    usable = [key for key in keys if key.strip()]
    asked = Asked(request, payload)
    stale: Verdict | None = None
    reasons: list[str] = []
    for rule in rules:
        if not usable and rule.scheme != "none":
            reasons.append("the source has no secret: set `secret:` in the config")
            continue
        try:
            verdict = SCHEMES[rule.scheme](rule, asked, usable, now.timestamp())
        except NotAuthentic as error:
            reasons.append(error.message)
            continue
        if not verdict.stale:
            return verdict
        stale = stale or verdict
    if stale:
        return stale
    raise NotAuthentic("; ".join(dict.fromkeys(reasons)) or "the mapping has no rule by which a request is authentic")


def _open(_rule: Rule, _asked: Asked, _keys: Sequence[str], _now: float) -> Verdict:
    return Verdict("none")


def _equality(rule: Rule, asked: Asked, keys: Sequence[str], _now: float) -> Verdict:
    given = proof.given(rule, asked).encode("utf-8", "surrogatepass")
    for index, key in enumerate(keys):
        # A signing key must never travel, so it is not taken where it would have had to.
        if not key.startswith(SIGNING_PREFIXES) and hmac.compare_digest(given, key.encode("utf-8", "surrogatepass")):
            return Verdict("equality", index)
    raise NotAuthentic(f"the secret in the {rule.place} is not one of the source's")


def _signed(holds: Holds) -> Scheme:
    """A scheme in which a signature stands beside the body; `holds` says whether key, message and signature agree."""

    def scheme(rule: Rule, asked: Asked, keys: Sequence[str], now: float) -> Verdict:
        parts = proof.parts(rule, proof.given(rule, asked))
        stamp = proof.stamp(rule, asked, parts.named)
        signatures = [raw for text in parts.signatures if (raw := decoded(text, rule.encoding))]
        for template in rule.signed or ("{body}",):
            message = proof.message(template, rule, asked, stamp)
            for index, key in enumerate(keys):
                if any(holds(rule, key, message, signature) for signature in signatures):
                    return _dated(rule, index, stamp, now)
        raise NotAuthentic("the signature does not fit the body and the source's keys")

    return scheme


def _dated(rule: Rule, index: int, stamp: str, now: float) -> Verdict:
    if rule.timestamp is None:
        return Verdict(rule.scheme, index)
    signed_at = proof.seconds(stamp, rule.timestamp.format)
    return Verdict(rule.scheme, index, abs(now - signed_at) > rule.timestamp.tolerance, signed_at)


def _hmac_holds(rule: Rule, key: str, message: bytes, signature: bytes) -> bool:
    raw = decoded(key, rule.key)
    return raw is not None and hmac.compare_digest(hmac.digest(raw, message, rule.algorithm), signature)


def _rsa_holds(rule: Rule, key: str, message: bytes, signature: bytes) -> bool:
    return rsa_holds(key, message, signature, rule.algorithm)


def _ed25519_holds(rule: Rule, key: str, message: bytes, signature: bytes) -> bool:
    return ed25519_holds(key, message, signature, rule.key)


def _standard(rule: Rule, asked: Asked, keys: Sequence[str], now: float) -> Verdict:
    """Standard Webhooks 1.0. Versions in the list that we do not know are passed over, as the standard asks."""
    name = next((name for name in STANDARD_NAMES if f"{name}-signature" in asked.headers), STANDARD_NAMES[0])
    listed = [item.partition(",")[::2] for item in asked.header(f"{name}-signature").split()]
    event_id, stamp = asked.header(f"{name}-id"), asked.header(f"{name}-timestamp")
    message = b".".join((proof.in_bytes(event_id), proof.in_bytes(stamp), asked.request.body))
    for index, key in enumerate(keys):
        for version, text in listed:
            signature = decoded(text, "base64")
            holds = STANDARD_VERSIONS.get(version)
            if signature and holds and holds(key, message, signature):
                signed_at = proof.seconds(stamp, "unix")
                tolerance = rule.timestamp.tolerance if rule.timestamp else STANDARD_TOLERANCE
                return Verdict("standard_webhooks", index, abs(now - signed_at) > tolerance, signed_at)
    raise NotAuthentic("no signature of the list fits the body and the source's keys")


def _standard_hmac_holds(key: str, message: bytes, signature: bytes) -> bool:
    raw = standard_key(key)
    return raw is not None and hmac.compare_digest(hmac.digest(raw, message, hashlib.sha256), signature)


def _standard_ed25519_holds(key: str, message: bytes, signature: bytes) -> bool:
    return key.startswith(PUBLIC_PREFIX) and ed25519_holds(key, message, signature)


STANDARD_VERSIONS: dict[str, Callable[[str, bytes, bytes], bool]] = {
    "v1": _standard_hmac_holds, "v1a": _standard_ed25519_holds,
}
SCHEMES: dict[str, Scheme] = {
    "none": _open,
    "equality": _equality,
    "hmac": _signed(_hmac_holds),
    "rsa": _signed(_rsa_holds),
    "ed25519": _signed(_ed25519_holds),
    "standard_webhooks": _standard,
}
