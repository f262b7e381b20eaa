"""Outgoing mail: a request becomes a mail, handed to one mail server at most once. It comes back as the server's answer, or as
an error that says whether the mail may have been taken.

The request's headers are the mail's, its body is the text; a Basic `Authorization` is the log-in. The answer's status is the
SMTP code, its body the server's words, and the header `smtp-stage` says what the code answers: connect, login, sender,
recipient or message. A password, and a mail to a public address, never leave without verified TLS.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.policy import SMTP as MAIL_POLICY
from email.utils import format_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiosmtplib

from bridge.errors import AccessRefused, NoAnswer, NotSent, Rejected
from bridge.transport import CONNECT_TIMEOUT, Answer, PreparedRequest, trust
from bridge.transport.private import is_private

#: scheme → the port where mails are handed in, unless the address names one
PORTS: Mapping[str, int] = {"smtp": 587, "smtps": 465}
#: codes by which a server says that it did not do it
REFUSALS = range(400, 600)
#: of the request, and not of the mail
_NOT_OF_THE_MAIL = frozenset({"authorization", "content-type", "accept", "user-agent"})
#: seconds for saying good-bye to a server that has taken the mail
_GOOD_BYE = 2.0
#: without 8-bit lines, which not every server takes; long lines of text are folded away with it
_POLICY = MAIL_POLICY.clone(cte_type="7bit")


@dataclass(frozen=True, slots=True)
class Mail:
    """What goes over the wire."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    login: tuple[str, str] | None = None


class MailTransport:
    """Hands mails to the server that each request's address names; a connection a mail.

    Args:
        timeout: seconds for the whole hand-over.
        context: whom we believe; tests give their own.
        here: tells this machine's own addresses, to which nothing needs a cover.
    """

    def __init__(
        self, *, timeout: float = 20.0, connect_timeout: float = CONNECT_TIMEOUT, context: ssl.SSLContext | None = None,
        here: Callable[[str], bool] | None = None,
    ) -> None:
        self._timeout = timeout
        self._connect = min(connect_timeout, timeout)
        self._context = context
        self._here = here or _is_loopback

    async def send(self, request: PreparedRequest) -> Answer:
        """Hand it over, once.

        Raises:
            NotSent: the server has nothing of the mail.
            NoAnswer: it may have taken it.
            AccessRefused: the server offers no TLS or no log-in; nothing was sent.
            Rejected: the address is no mail server's, or the headers make no mail.
        """
        mail = mail_of(request)
        context = self._context or trust()
        handover = _Handover(request.url, self._connect, self._timeout, context, self._here)
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout):
                code, words, stage = await handover.run(mail)
        except aiosmtplib.SMTPResponseException as refusal:
            if refusal.code not in REFUSALS:  # no sentence of this protocol: nobody knows what it means
                raise handover.failure(refusal, self._timeout) from refusal
            # A code is the server's word: whatever it is for, the mail was not taken.
            code, words, stage = refusal.code, refusal.message, handover.stage
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise handover.failure(error, self._timeout) from error
        finally:
            handover.hang_up()
        return Answer(code, {"smtp-stage": stage}, words.encode(), round((time.perf_counter() - started) * 1000))

    async def close(self) -> None:
        """Nothing is kept open."""


class _Handover:
    def __init__(
        self, url: str, connect: float, timeout: float, context: ssl.SSLContext, here: Callable[[str], bool]
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise Rejected("The mail server's address is none: write smtps://mail.example.com or smtp://mail.example.com")
        self._timeout = timeout
        self._context = context
        self._here = here
        self._client = aiosmtplib.SMTP(
            hostname=parts.hostname, port=parts.port or PORTS[parts.scheme], use_tls=parts.scheme == "smtps", start_tls=False,
            timeout=connect, tls_context=context,
        )  # fmt: skip
        self._covered = parts.scheme == "smtps"
        #: what the next code answers
        self.stage = "connect"
        self._text_begun = False

    async def run(self, mail: Mail) -> tuple[int, str, str]:
        self._client.local_hostname = mail.sender.rpartition("@")[2]
        await self._client.connect()
        self._client.timeout = self._timeout  # what is slow from here on is bounded as a whole
        await self._client.ehlo()
        await self._cover(login=mail.login is not None)
        if mail.login is not None:
            self.stage = "login"
            if not self._client.supported_auth_methods:
                raise AccessRefused("The mail server offers no log-in at this port; mails are handed in at 465 or 587")
            await self._client.login(*mail.login)
        self.stage = "sender"
        await self._client.mail(mail.sender)
        self.stage = "recipient"
        for recipient in mail.recipients:
            await self._client.rcpt(recipient)
        self.stage = "message"
        self._text_begun = True
        answer = await self._client.data(mail.content)
        with suppress(aiosmtplib.SMTPException, OSError):  # it has the mail; how it says good-bye changes nothing
            await self._client.quit(timeout=_GOOD_BYE)
        return answer.code, answer.message, self.stage

    async def _cover(self, *, login: bool) -> None:
        if self._covered:
            return
        peer = str((self._client.get_transport_info("peername") or ("",))[0])
        if self._here(peer):
            return  # nobody listens between this machine and itself
        if self._client.supports_extension("starttls"):
            await self._client.starttls(tls_context=self._context)
            await self._client.ehlo()  # what was offered in clear counts no more
            self._covered = True
        elif login or not is_private(peer):
            raise AccessRefused("The mail server offers no TLS, so neither the password nor the mail was sent: use smtps://")

    def failure(self, error: Exception, limit: float) -> NotSent | NoAnswer | Rejected:
        """What an exchange without the server's word means."""
        if self._text_begun:
            slow = isinstance(error, TimeoutError)
            words = f"gave no answer within {limit:g} s" if slow else "broke the connection"
            return NoAnswer(f"The mail server {words} while the mail was handed over: it may have taken it.")
        for cause in (error, error.__cause__, error.__context__):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return NotSent("The mail server's TLS certificate is not trusted (run out, self-signed, another name).")
            if isinstance(cause, ssl.SSLError):
                return NotSent("No TLS connection to the mail server could be made; is it smtps:// (465) or smtp:// (587)?")
        if isinstance(error, ValueError):
            return Rejected("The mail server cannot take the mail's sender or recipient; write them like a@b.com")
        return NotSent(f"The mail server could not be reached, or hung up before it had the mail ({self.stage}).")

    def hang_up(self) -> None:
        self._client.close()


def _is_loopback(address: str) -> bool:
    return ip_address(address.partition("%")[0]).is_loopback


def mail_of(request: PreparedRequest) -> Mail:
    """The mail that a request stands for.

    Raises:
        Rejected: it has no sender or recipient, or a header that cannot be one.
    """
    message = EmailMessage(policy=_POLICY)
    for name, value in request.headers.items():
        if name.lower() in _NOT_OF_THE_MAIL:
            continue
        try:
            message[name] = value
        except ValueError as error:  # a line break, a header that stands twice
            raise Rejected(f"The mail's header {name} cannot be written: {error}") from error
    message["Date"] = format_datetime(datetime.now(UTC))
    message.set_content((request.body or b"").decode("utf-8", "replace"))
    senders, recipients = _addresses(message, "From"), (*_addresses(message, "To"), *_addresses(message, "Cc"))
    if len(senders) != 1 or not recipients:
        raise Rejected("A mail needs one sender and a recipient: set `from` and `to` at the target, like chat@example.com")
    return Mail(senders[0], recipients, message.as_bytes(), _login(request.headers.get("Authorization", "")))


def _addresses(message: EmailMessage, name: str) -> tuple[str, ...]:
    header = message[name]
    if not isinstance(header, AddressHeader):
        return ()
    found = tuple(address.addr_spec for address in header.addresses)
    if any(not address.domain or not address.username for address in header.addresses) or not all(map(str.isascii, found)):
        raise Rejected(f"The mail's header {name} holds no whole address; write it like Shop <chat@example.com>")
    return found


def _login(authorization: str) -> tuple[str, str] | None:
    kind, _, value = authorization.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password
