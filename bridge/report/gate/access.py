"""Who may see what: scripts' keys, the names that a proxy gives, passwords, each of the whole service or of one customer. No I/O.

What config.yaml says under `ops:` is for the whole service, what a customer's file says there for their connections alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bridge.config import Settings
from bridge.config.ops import OpsSettings, OpsToken
from bridge.errors import NotAUser
from bridge.report.gate.sign_in import Password, is_password, session_secret

#: a password that nobody can know, so that a customer who is not there takes as long to refuse as one who is
_NOBODYS = f"scrypt$32768$8$1${'A' * 22}==${'A' * 43}="


@dataclass(frozen=True, slots=True)
class Known:
    """A script's key, and whose it is."""

    token: OpsToken
    #: None: of the whole service
    site: str | None


class Access:
    """`settings` gives them as they are now: a reload replaces them."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._passwords: dict[str | None, Password] = {}
        #: each takes 32 MiB and a tenth of a second, also of a customer who is not there
        self._one_at_a_time = asyncio.Lock()

    def by_token(self, given: str) -> Known | None:
        """Whose key this is; None: nobody's, or it is not known whose, since two customers were given the same."""
        # all of them are compared, so that the time tells nothing
        found = [Known(one, site) for site, ops in self._all() for one in ops.tokens
                 if is_password(given, one.token.get_secret_value())]  # fmt: skip
        return found[0] if len(found) == 1 else None

    @property
    def any_token(self) -> bool:
        return any(ops.tokens for _, ops in self._all())

    @property
    def any_site(self) -> bool:
        """Some customer has a password of their own."""
        return any(site is not None and (ops.password or ops.password_hash) for site, ops in self._all())

    def site_of_user(self, name: str) -> str | None:
        """Of whom the proxy names: the customer they belong to; None: they see the whole service. Raises NotAUser for one who
        stands nowhere although somebody does, and for one who stands at several customers.
        """
        listed = {site for site, ops in self._all() if name in ops.users}
        if None in listed or not any(ops.users for _, ops in self._all()):
            return None
        if len(listed) != 1:
            raise NotAUser(f"{name} may not look here. Ask whoever runs chat2crm to add this name to `ops.users`.")
        return listed.pop()

    def password(self, site: str | None) -> Password:
        """Of the whole service, or of a customer; one that nothing is, where there is none."""
        ops = self._settings().ops if site is None else self._settings().access.get(site)
        plain, hashed = _written(ops)
        if site is not None and not plain and not hashed:
            return Password(None, _NOBODYS, self._one_at_a_time)
        known = self._passwords.get(site)
        if known is None or (plain, hashed) != (known.plain, known.hashed):
            known = self._passwords[site] = Password(plain, hashed, self._one_at_a_time)
        return known

    def secret(self, site: str | None) -> bytes | None:
        """What the sessions of the whole service or of a customer rest on; None: there is no such customer, or no way in."""
        settings = self._settings()
        key = settings.key.get_secret_value()
        if site is None:
            return session_secret(key, self.password(None).written)
        ops = settings.access.get(site)
        if ops is None or not (ops.password or ops.password_hash or ops.users):
            return None
        plain, hashed = _written(ops)
        return session_secret(key, plain or hashed or "", site=site)

    def _all(self) -> Iterator[tuple[str | None, OpsSettings]]:
        settings = self._settings()
        yield None, settings.ops
        yield from settings.access.items()


def _written(ops: OpsSettings | None) -> tuple[str | None, str | None]:
    if ops is None:
        return None, None
    plain, hashed = (None if one is None else one.get_secret_value() for one in (ops.password, ops.password_hash))
    return plain, hashed
