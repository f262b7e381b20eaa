"""Keys as people paste them, and what they are told when it is the wrong thing."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bridge.verify import what_is_wrong_with
from bridge.verify.keys import ed25519_holds, rsa_holds, standard_key

PUBLIC = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
PEM = PUBLIC.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
DER = base64.b64encode(
    PUBLIC.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).decode()
ED = Ed25519PrivateKey.from_private_bytes(b"e" * 32).public_key().public_bytes(
    serialization.Encoding.Raw, serialization.PublicFormat.Raw)


# The key pair is new in every process: ids made of it would differ between the workers.
@pytest.mark.parametrize(("scheme", "key", "written"), [
    ("rsa", PEM, "text"), ("rsa", DER, "text"), ("rsa", f"{DER[:60]}\n{DER[60:]}", "text"),
    ("ed25519", ED.hex(), "hex"), ("ed25519", base64.b64encode(ED).decode(), "base64"),
    ("hmac", "whatever", "text"), ("hmac", "00ff", "hex"), ("equality", "a-long-enough-secret", "text"),
    ("standard_webhooks", "whsec_" + base64.b64encode(b"k" * 24).decode(), "text"),
    ("standard_webhooks", base64.b64encode(b"k" * 24).decode().rstrip("="), "text"),
    ("standard_webhooks", "whpk_" + base64.b64encode(ED).decode(), "text"),
    ("none", "anything", "text"),
], ids=[str(number) for number in range(12)])
def test_a_key_that_can_fit_has_nothing_wrong_with_it(scheme: str, key: str, written: str) -> None:
    assert what_is_wrong_with(scheme, key, written) is None


@pytest.mark.parametrize(("scheme", "key", "written", "remedy"), [
    ("rsa", "no key", "text", "paste it as PEM"),
    ("rsa", base64.b64encode(ED).decode(), "text", "paste it as PEM"),
    ("ed25519", "abcd", "hex", "paste the public key"),
    ("hmac", "xyz", "hex", "exactly as the provider shows it"),
    ("equality", "short", "text", "openssl rand"),
    ("equality", "whsec_" + "A" * 40, "text", "must not travel"),
    ("standard_webhooks", "whsk_" + "A" * 40, "text", "the public one"),
    ("standard_webhooks", "whsec_AAAA", "text", "24 bytes"),
    ("standard_webhooks", "whpk_AAAA", "text", "32 bytes"),
    ("hmac", " ", "text", "paste the one the provider shows"),
])
def test_a_key_that_can_never_fit_is_named_with_its_remedy_and_not_repeated(scheme: str, key: str, written: str,
                                                                            remedy: str) -> None:
    wrong = what_is_wrong_with(scheme, key, written)
    assert wrong is not None
    assert remedy in wrong
    assert not key.strip() or key not in wrong


def test_keys_that_cannot_be_read_fit_no_signature() -> None:
    assert not rsa_holds("no key", b"m", b"s", "sha256")
    assert not ed25519_holds("no key", b"m", b"s")
    assert standard_key("whsk_" + "A" * 40) is None
