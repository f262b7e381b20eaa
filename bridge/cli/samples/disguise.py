"""A recorded request with nobody in it: phones, e-mails, names and addresses of machines replaced by fakes of the same form.

The same value becomes the same fake throughout. What no rule knows (a street, an order number) stays; whoever publishes a
sample reads it first, and `capture` says so.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import phonenumbers

from bridge.cli.samples.fictitious import phones
from bridge.cli.samples.spellings import laid_over, other_spellings, parsed, pieces
from bridge.errors import NotUnderstood
from bridge.extract import contact_points
from bridge.extract.reading.domains import PROVIDERS
from bridge.extract.result import Candidate
from bridge.model import Chat, PointKind

#: made-up names; a name's words become words of the same alphabet
_NAMES: Mapping[str, tuple[str, ...]] = {
    "cyrillic": ("Вера", "Пример", "Антон", "Образцов", "Нина", "Тестова", "Павел", "Условный", "Зоя", "Мнимая"),
    "latin": ("Robin", "Sample", "Alex", "Example", "Kim", "Tester", "Sam", "Placeholder", "Jo", "Nobody"),
}
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_EMAIL = re.compile(r"[^\s@<>\"'(),;:=?&/\\]{1,64}@[^\s@<>\"'(),;:=?&/\\]{1,253}\.[^\W\d_]{2,24}")
_INTRODUCED = re.compile(
    r"(?i:меня зовут|моё имя|мое имя|my name is|name's|ich heiße)\s+([^\W\d_]{3,}(?:\s+[A-ZА-ЯЁ][^\W\d_]{2,})?)"
)
_MACHINE = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F]+)(?![\w.:])")
_SHORTEST_NAME = 3
#: how much longer an inflected name may be than its stem
_ENDING = r"[^\W\d_]{0,3}"
_STEM_FROM = 4
#: networks kept for documentation
_FAKE_V4, _FAKE_V6 = "203.0.113.", "2001:db8::"
_MOST_FAKES = 200


@dataclass(slots=True)
class Disguise:
    """Made once for all samples of a run, so that fakes agree between them."""

    region: str | None = None
    #: as written and as E.164 → the fake's E.164
    _phones: dict[str, str] = field(default_factory=dict)
    #: E.164
    _real: set[str] = field(default_factory=set)
    _emails: dict[str, str] = field(default_factory=dict)
    _domains: dict[str, int] = field(default_factory=dict)
    _words: dict[str, str] = field(default_factory=dict)
    _machines: dict[str, str] = field(default_factory=dict)
    #: texts of the chats, in which pieces of a number may stand alone
    _said: set[str] = field(default_factory=set)

    # -- who is in it --------------------------------------------------------------------------------------------------

    def learn(self, chat: Chat) -> None:
        """Take note of everybody in a chat."""
        found = contact_points(chat, region=self.region, explain=True)
        # all of them first: nobody's fake may be somebody else's number
        for candidate in found.trace:
            if candidate.kind is PointKind.PHONE and candidate.value:
                self._real.add(candidate.value)
        visitor = chat.visitor
        for name in (visitor.name, visitor.first_name, visitor.last_name, *(one.name for one in chat.operators)):
            self._learn_name(name)
        for phone in (*chat.visitor.phones, *(one.phone for one in chat.operators if one.phone)):
            self._learn_phone(phone, None)
        for email in (*chat.visitor.emails, *(one.email for one in chat.operators if one.email)):
            self._fake_email(email)
        for candidate in found.trace:
            self._learn_candidate(candidate, found.region)
        for message in chat.messages:
            self._said.add(message.text.strip())
            self._learn_name(message.author)
            for introduced in _INTRODUCED.finditer(message.text):
                self._learn_name(introduced[1])

    def _learn_candidate(self, candidate: Candidate, region: str | None) -> None:
        if candidate.kind is PointKind.PHONE:
            self._learn_phone(candidate.as_written, candidate.value, region)
        elif candidate.kind is PointKind.EMAIL:
            # also what the extraction has dropped: it looked like an address to somebody
            fake = self._fake_email(candidate.value or candidate.as_written)
            self._emails.setdefault(candidate.as_written.lower(), fake)
        else:
            self._learn_name(candidate.as_written.lstrip("@"))

    def _learn_name(self, name: str | None) -> None:
        for word in _WORD.findall(name or ""):
            if len(word) >= _SHORTEST_NAME and word.lower() not in self._words:
                known = _NAMES["cyrillic" if _CYRILLIC.search(word) else "latin"]
                used = len(self._words)
                # after the list's end numbers would betray the form, so the names come round again
                self._words[word.lower()] = known[used % len(known)]

    def _learn_phone(self, written: str, value: str | None, region: str | None = None) -> None:
        """`value`: E.164, if the extraction gave it one."""
        number = parsed(value or written, region or self.region)
        if number is None or not (value or phonenumbers.is_valid_number(number)):
            return
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if e164 not in self._real and e164 in self._phones.values():
            return  # a fake already
        self._real.add(e164)
        if e164 not in self._phones:
            national = phonenumbers.national_significant_number(number)
            country = phonenumbers.region_code_for_number(number) or region or self.region
            taken = {*self._real, *self._phones.values()}
            self._phones[e164] = next((one for one in phones(country, national) if one not in taken), f"{e164[:-4]}0000")
        # spelt out, or cut by other words: there are no digits to lay the fake's over
        self._phones.setdefault(written, self._phones[e164])

    def _fake_email(self, address: str) -> str:
        key = address.lower()
        if key not in self._emails:
            domain = key.partition("@")[2]
            # who shares a business's domain still does; a public provider's addresses have nothing to do with one another
            shared = domain if domain not in PROVIDERS else key
            number = self._domains.setdefault(shared, len(self._domains) + 1)
            local = "visitor" if key.isascii() else "посетитель"
            self._emails[key] = f"{local}{len(self._emails) + 1}@mail{number}.example"
        return self._emails[key]

    # -- out with them -------------------------------------------------------------------------------------------------

    def body(self, raw: bytes, kind: str, charset: str) -> bytes:
        """The body in disguise. Raises NotUnderstood if it cannot be taken apart, and then nothing of it may be kept."""
        text = raw.decode(charset, "replace")
        if kind == "json":
            try:
                payload = json.loads(text)
            except ValueError as error:
                raise NotUnderstood(f"the body is no JSON, so it cannot be masked: {error}") from error
            return json.dumps(self.value(payload), ensure_ascii=False, indent=1).encode(charset, "replace")
        return self.query(text).encode("ascii")

    def query(self, text: str) -> str:
        """A form or query, value by value; values that hold JSON are taken apart, too."""
        return urlencode([(name, self._form_value(value)) for name, value in parse_qsl(text, keep_blank_values=True)])

    def _form_value(self, value: str) -> str:
        try:
            payload = json.loads(value)
        except ValueError:
            return self.text(value)
        return json.dumps(self.value(payload), ensure_ascii=False) if isinstance(payload, dict | list) else self.text(value)

    def value(self, value: Any) -> Any:
        """Any JSON; names of members stay."""
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int) and not isinstance(value, bool):
            known = self._phones.get(f"+{value}")  # a phone that is sent as a number
            return int(known.lstrip("+")) if known else value
        return value

    def text(self, text: str) -> str:
        """One string, whatever it is: a name, a message, an address."""
        if "%" in text and "://" in text:
            plain = unquote(text)
            return quote(self.text(plain), safe=":/?&=#%+,;@!$'()*~") if plain != text else text
        spoken = any(said and said in text for said in self._said)
        text = self._without_phones(self._without_emails(self._without_machines(text)))
        if spoken:
            for real in self._real:
                text = pieces(text, real, self._phones.get(real, real))
        return self._without_names(text)

    def _without_emails(self, text: str) -> str:
        spoken = [written for written in self._emails if "@" not in written]
        text = _replaced(text, spoken, lambda found: self._emails[found.lower()])
        return _EMAIL.sub(lambda found: self._kept_or_faked(found[0]), text)

    def _kept_or_faked(self, address: str) -> str:
        return address if address.lower() in self._emails.values() else self._fake_email(address)

    def _without_phones(self, text: str) -> str:
        for match in list(phonenumbers.PhoneNumberMatcher(text, self.region)):
            self._learn_phone(match.raw_string, None, self.region)
        for written, fake in sorted(self._phones.items(), key=lambda pair: len(pair[0]), reverse=True):
            if written in text:
                text = text.replace(written, laid_over(written, fake))
        for real, fake in self._phones.items():
            if real.startswith("+"):
                text = other_spellings(text, real, fake)
        return text

    def _without_names(self, text: str) -> str:
        for word, fake in sorted(self._words.items(), key=lambda pair: len(pair[0]), reverse=True):
            stem = word[:-1] if len(word) >= _STEM_FROM else word
            ending = _ENDING if len(word) >= _STEM_FROM else ""
            # not inside an address: a name may be a word of one
            pattern = rf"(?<![^\W\d_])(?<![@.]){re.escape(stem)}{ending}(?![^\W\d_])(?!(?-i:\.[a-z]))"
            text = re.sub(pattern, _in_case(fake), text, flags=re.IGNORECASE)
        return text

    def _without_machines(self, text: str) -> str:
        return _MACHINE.sub(self._machine, text)

    def _machine(self, found: re.Match[str]) -> str:
        try:
            address = ipaddress.ip_address(found[0])
        except ValueError:
            return found[0]
        begin = _FAKE_V4 if address.version == 4 else _FAKE_V6  # noqa: PLR2004 - of the protocol
        if found[0] not in self._machines:
            self._machines[found[0]] = f"{begin}{len(self._machines) % _MOST_FAKES + 1}"
        return self._machines[found[0]] if not found[0].startswith(begin) else found[0]

    # -- is everybody out? ---------------------------------------------------------------------------------------------

    def left(self, text: str) -> Iterator[str]:
        """What of the people known can still be found in a text, in words that repeat nothing of it."""
        for number, (real, fake) in enumerate(self._phones.items(), 1):
            if real.startswith("+") and real not in self._phones.values() and other_spellings(text, real, fake) != text:
                yield f"phone {number}"
        lowered = text.lower()
        for number, address in enumerate(self._emails, 1):
            if "@" in address and address in lowered and address not in self._emails.values():
                yield f"e-mail {number}"


def _replaced(text: str, written: Iterable[str], fake: Callable[[str], str]) -> str:
    forms = sorted((one for one in written if one), key=len, reverse=True)
    if not forms:
        return text
    return re.sub("|".join(map(re.escape, forms)), lambda found: fake(found[0]), text, flags=re.IGNORECASE)


def _in_case(fake: str) -> Callable[[re.Match[str]], str]:
    def cased(found: re.Match[str]) -> str:
        said = found[0]
        return fake.upper() if said.isupper() and len(said) > 1 else fake.lower() if said.islower() else fake

    return cased
