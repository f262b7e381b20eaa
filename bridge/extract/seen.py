"""What was seen of contacts in a chat, before it is summed up."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.extract.reading.finds import Find
from bridge.model import Claim, PointKind

#: so many of what was seen last can be what a line speaks of
LATEST = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim, how strongly it is made (the strongest over a chat wins), and by which rule."""

    claim: Claim
    strength: int
    rule: str


UNCLEAR = Verdict(Claim.UNCLEAR, 10, "no-word")
OURS = Verdict(Claim.OTHER, 99, "ours")
FORM = Verdict(Claim.OWN, 100, "form")
PROFILE = Verdict(Claim.OWN, 97, "profile")
FILLED_BY_OPERATOR = Verdict(Claim.UNCLEAR, 5, "operator-field")
AFFIRMED = Verdict(Claim.OWN, 95, "affirmed")
DENIED = Verdict(Claim.OTHER, 93, "denied")
SAID_BY_OPERATOR = Verdict(Claim.OTHER, 86, "said-by-operator")
MACHINE = Verdict(Claim.OTHER, 84, "machine")
SITE = Verdict(Claim.OTHER, 75, "site")
#: The person stands right beside the contact.
BESIDE = Verdict(Claim.OTHER, 68, "person")
TITLED = Verdict(Claim.UNCLEAR, 50, "titled")
PERSON = Verdict(Claim.OTHER, 64, "person")
GIFT = Verdict(Claim.OTHER, 72, "gift")
ASKED = Verdict(Claim.OWN, 70, "asked")
ASKED_OF_ANOTHER = Verdict(Claim.OTHER, 70, "asked-recipient")
SERVICE = Verdict(Claim.OTHER, 60, "service-number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One time a contact stood somewhere, and what that says about whose it is."""

    find: Find
    #: None: it was dropped, and `find.rule` says why
    verdict: Verdict | None
    #: index into chat.messages
    message: int | None = None
    field: str | None = None
    #: in the message as it was written
    span: tuple[int, int] | None = None
    as_written: str = ""

    def is_phone(self) -> bool:
        """Whether it is a phone that was taken."""
        return self.find.kind is PointKind.PHONE and self.find.value is not None and self.verdict is not None


@dataclass(slots=True)
class Talk:
    """All that was seen in a chat, in order."""

    seen: list[Seen] = field(default_factory=list)
    #: values that the visitor took back, or that were another's reading
    superseded: set[str] = field(default_factory=set)
    #: what else is to be said of a value
    flags: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def latest(self) -> list[Seen]:
        """What was seen last, in order: each line asks for it, and not for all there was in a chat of thousands of lines."""
        return self.seen[-LATEST:]
