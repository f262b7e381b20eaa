"""The business's own phones and addresses: never a visitor's, whoever writes them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from bridge.extract.reading.domains import PROVIDERS, registered
from bridge.extract.reading.plans import read
from bridge.extract.result import Own
from bridge.model import Chat, PointKind

_NOT_DIGITS = re.compile(r"\D+")
_ADDRESS = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")


class Ours:
    """What the config says, and the operators of this chat."""

    def __init__(self, chat: Chat, own: Own, regions: tuple[str, ...]) -> None:
        self._site = _site(chat.page.url)
        self._phones: set[str] = set()
        self._emails = {address.strip().lower() for address in own.emails}
        self._domains = {domain.strip().lower().lstrip("@") for domain in own.domains}
        phones = [*own.phones, *(operator.phone for operator in chat.operators if operator.phone)]
        for written in phones:
            reading = read(_NOT_DIGITS.sub("", written), plus="+" in written, regions=regions)
            if reading is not None:
                self._phones.add(reading.e164)
        for address in (*(operator.email for operator in chat.operators), *(message.author for message in chat.messages)):
            if address and "@" in address and _ADDRESS.fullmatch(address.strip().lower()):
                self._add_address(address.strip().lower())

    def _add_address(self, address: str) -> None:
        self._emails.add(address)
        domain = address.partition("@")[2]
        # An operator's address may lie at a small provider that visitors use as well: its domain is the business's own for
        # sure only where the site lies there, too. Other domains are the config's to name.
        if self._site and registered(domain) == self._site:
            self._domains.add(domain)

    def has(self, kind: PointKind, value: str) -> bool:
        """Whether this is the business's own for sure."""
        if kind is PointKind.PHONE:
            return value in self._phones
        if kind is not PointKind.EMAIL:
            return False
        address = value.lower()
        domain = address.partition("@")[2]
        return address in self._emails or any(domain == one or domain.endswith(f".{one}") for one in self._domains)

    def site(self, kind: PointKind, value: str) -> bool:
        """Whether the address belongs to the site on which the chat was held."""
        if kind is not PointKind.EMAIL or not self._site:
            return False
        return registered(value.partition("@")[2]) == self._site


def _site(url: str | None) -> str | None:
    if not url:
        return None
    try:
        host = (urlsplit(url if "//" in url else f"//{url}").hostname or "").lower()
    except ValueError:
        return None
    domain = registered(host)
    return None if not domain or domain in PROVIDERS else domain
