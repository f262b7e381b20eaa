"""Mails, handed to a real small server: what it took, what it refused, and what nobody can know."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mail_server import mail_server

from bridge.errors import AccessRefused, NoAnswer, NotSent, Rejected
from bridge.transport import PreparedRequest
from bridge.transport.mailing import MailTransport, mail_of

LOGIN = "Basic " + base64.b64encode(b"chats@shop.example:pass word").decode()
HEADERS = {
    "From": "Shop chats <chats@shop.example>", "To": "leads@crm.example", "Subject": "Чат: Анна",
    "Message-ID": "<c2c-abcdefghijklmnop@shop.example>",
}  # fmt: skip
TEXT = "Телефон: +79161234567\n\n.a line with a dot before it\n" + "long " * 400


@dataclass(frozen=True)
class Certificate:
    server: ssl.SSLContext
    believes: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Of 127.0.0.1, by an authority that nobody but `believes` knows."""
    folder: Path = tmp_path_factory.mktemp("tls")
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    chain = folder / "chain.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(chain)
    return Certificate(server, ssl.create_default_context(cafile=str(chain)))


def request(url: str, *, headers: Mapping[str, str] = HEADERS, text: str = TEXT, login: bool = False) -> PreparedRequest:
    authorised = {"Authorization": LOGIN} if login else {}
    return PreparedRequest("POST", url, {**headers, "Content-Type": "text/plain; charset=utf-8", **authorised}, text.encode())


def elsewhere(_address: str) -> bool:
    """As if the server stood on another machine of the private network."""
    return False


# -- what it takes -----------------------------------------------------------------------------------------------------


async def test_a_mail_arrives_with_its_headers_and_every_letter_of_its_text() -> None:
    async with mail_server() as server:
        answer = await MailTransport().send(request(server.url, login=True))

    assert (answer.status, answer.headers) == (250, {"smtp-stage": "message"})
    assert b"queued as 4X1" in answer.body
    assert server.heard == [
        "EHLO shop.example", "AUTH", "MAIL FROM:<chats@shop.example>", "RCPT TO:<leads@crm.example>", "DATA", "QUIT",
    ]  # fmt: skip
    mail = message_from_bytes(server.taken[0].replace(b"\r\n..", b"\r\n."), policy=policy.default)
    assert (mail["Subject"], mail["Message-ID"]) == ("Чат: Анна", "<c2c-abcdefghijklmnop@shop.example>")
    assert mail["Authorization"] is None
    assert mail["Date"] is not None
    assert mail.get_content().splitlines() == TEXT.splitlines()
    assert max(len(line) for line in server.taken[0].split(b"\r\n")) < 1000


async def test_several_mailboxes_get_it_or_none() -> None:
    both = {**HEADERS, "To": "leads@crm.example, Boss <boss@shop.example>"}
    async with mail_server() as server:
        await MailTransport().send(request(server.url, headers=both))
    assert [line for line in server.heard if line.startswith("RCPT")] == [
        "RCPT TO:<leads@crm.example>", "RCPT TO:<boss@shop.example>"
    ]  # fmt: skip
    async with mail_server(says={"RCPT": "550 5.1.1 no such mailbox"}) as server:
        answer = await MailTransport().send(request(server.url, headers=both))
    assert (answer.status, answer.headers["smtp-stage"], server.taken) == (550, "recipient", [])


async def test_a_server_that_hangs_up_in_place_of_a_good_bye_has_the_mail_all_the_same() -> None:
    async with mail_server(says={"QUIT": None}) as server:
        assert (await MailTransport().send(request(server.url))).status == 250


# -- what it refuses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "line", "stage"),
    [
        ("connect", "554 5.3.2 no service", "connect"),
        ("connect", "421 4.3.2 too many connections", "connect"),
        ("AUTH", "535 5.7.8 authentication failed", "login"),
        ("MAIL", "553 5.7.1 not your address", "sender"),
        ("RCPT", "450 4.7.1 greylisted", "recipient"),
        ("DATA", "452 4.3.1 no room", "message"),
        (".", "552 5.3.4 too large", "message"),
        (".", "451 4.3.0 try again", "message"),
    ],
)
async def test_a_refusal_is_the_servers_code_and_what_it_is_for(word: str, line: str, stage: str) -> None:
    async with mail_server(says={word: line}) as server:
        answer = await MailTransport().send(request(server.url, login=True))

    assert (answer.status, answer.headers["smtp-stage"]) == (int(line[:3]), stage)
    assert line[4:].encode() in answer.body


async def test_a_server_without_a_log_in_never_gets_the_password() -> None:
    async with mail_server(offers=()) as server:
        with pytest.raises(AccessRefused, match="offers no log-in"):
            await MailTransport().send(request(server.url, login=True))
    assert server.heard == ["EHLO shop.example"]


# -- what nobody can know ----------------------------------------------------------------------------------------------


async def test_a_connection_that_breaks_after_the_text_may_have_brought_it() -> None:
    async with mail_server(says={".": None}) as server:
        with pytest.raises(NoAnswer, match="broke the connection while the mail was handed over") as caught:
            await MailTransport().send(request(server.url))
    assert caught.value.maybe_done
    assert len(server.taken) == 1


async def test_a_server_that_never_answers_the_text_may_have_taken_it() -> None:
    async with mail_server(silent=".") as server:
        with pytest.raises(NoAnswer, match=r"no answer within 0\.3 s"):
            await MailTransport(timeout=0.3).send(request(server.url))


@pytest.mark.parametrize("word", ["connect", "EHLO", "MAIL", "RCPT"])
async def test_whatever_goes_wrong_before_the_text_has_brought_nothing(word: str) -> None:
    async with mail_server(says={word: None}) as server:
        with pytest.raises(NotSent):
            await MailTransport().send(request(server.url))
    async with mail_server(silent=word) as server:
        with pytest.raises(NotSent):
            await MailTransport(timeout=0.3).send(request(server.url))
    assert server.taken == []


async def test_words_of_another_protocol_are_no_yes() -> None:
    async with mail_server(says={"MAIL": "hello there"}) as server:
        with pytest.raises(NotSent):
            await MailTransport().send(request(server.url))
    async with mail_server(says={".": "HTTP/1.1 200 OK"}) as server:
        with pytest.raises(NoAnswer):
            await MailTransport().send(request(server.url))


async def test_nobody_at_that_port() -> None:
    async with mail_server() as server:
        url = server.url
    with pytest.raises(NotSent, match="could not be reached"):
        await MailTransport().send(request(url))


# -- cover -------------------------------------------------------------------------------------------------------------


async def test_tls_from_the_start_is_verified(certificate: Certificate) -> None:
    async with mail_server(tls=certificate.server) as server:
        assert (await MailTransport(context=certificate.believes).send(request(server.url, login=True))).status == 250
        with pytest.raises(NotSent, match="certificate is not trusted"):
            await MailTransport().send(request(server.url, login=True))
    assert len(server.taken) == 1


async def test_tls_that_begins_on_the_way_is_verified_and_comes_before_the_password(certificate: Certificate) -> None:
    offers = ("STARTTLS", "AUTH PLAIN")
    async with mail_server(offers=offers, context=certificate.server) as server:
        believing = MailTransport(context=certificate.believes, here=elsewhere)
        assert (await believing.send(request(server.url, login=True))).status == 250
    assert server.heard[:4] == ["EHLO shop.example", "STARTTLS", "EHLO shop.example", "AUTH"]
    async with mail_server(offers=offers, context=certificate.server) as server:
        with pytest.raises(NotSent, match="certificate is not trusted"):
            await MailTransport(here=elsewhere).send(request(server.url, login=True))
    assert server.heard == ["EHLO shop.example", "STARTTLS"]


async def test_without_tls_a_password_stays_here() -> None:
    async with mail_server() as server:
        with pytest.raises(AccessRefused, match="offers no TLS"):
            await MailTransport(here=elsewhere).send(request(server.url, login=True))
        assert (await MailTransport(here=elsewhere).send(request(server.url))).status == 250  # private network, no password
    assert "AUTH" not in server.heard


async def test_the_wrong_kind_of_tls_names_the_two_kinds(certificate: Certificate) -> None:
    async with mail_server() as server:
        with pytest.raises(NotSent, match="is it smtps"):
            await MailTransport(context=certificate.believes).send(request(server.url.replace("smtp:", "smtps:")))


# -- what makes a mail -------------------------------------------------------------------------------------------------


def test_a_line_break_in_a_header_makes_no_second_header() -> None:
    with pytest.raises(Rejected, match="Subject cannot be written"):
        mail_of(request("smtp://x", headers={**HEADERS, "Subject": "hello\r\nBcc: all@example.com"}))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"To": ""}, "needs one sender and a recipient"),
        ({"From": "a@b.example, c@d.example"}, "needs one sender"),
        ({"To": "leads"}, "To holds no whole address"),
        ({"From": "чат@пример.рф"}, "From holds no whole address"),
    ],
)
def test_what_is_no_mail_says_what_is_missing(changes: dict[str, str], says: str) -> None:
    with pytest.raises(Rejected, match=says):
        mail_of(request("smtp://x", headers={**HEADERS, **changes}))


async def test_an_address_that_is_no_mail_servers_is_refused() -> None:
    with pytest.raises(Rejected, match="write smtps"):
        await MailTransport().send(request("https://mail.example.com"))
