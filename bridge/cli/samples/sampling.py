"""A delivery → a masked sample beside a mapping, with what it becomes written down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridge import parse
from bridge.cli.addresses import hook_path
from bridge.cli.samples.disguise import Disguise
from bridge.cli.samples.signing import CannotBeMade, Outgoing, proved
from bridge.connections.sources import Source
from bridge.errors import NotUnderstood
from bridge.mapping.paths import conceal
from bridge.mapping.samples import Expected, file_word, read_sample
from bridge.model import Delivery
from bridge.parse.trial import PUBLIC_URL, accept

#: what a sample's source is called and what it proves itself with, in place of the real ones
SAMPLE_SOURCE = "site"
_PLAIN_SECRET = "a-secret-of-the-sample"  # noqa: S105 - everybody may know it
_SIGNING_SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"  # noqa: S105 - as above
_BASE64_SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"  # noqa: S105 - as above
#: of the journey, not of the message
_LEFT_OUT = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding", "forwarded", "via"})


class Sampler:
    def __init__(self, source: Source, folder: Path) -> None:
        self._folder = folder
        self._disguise = Disguise(source.settings.region)
        self._real = source
        secrets = [_PLAIN_SECRET, _SIGNING_SECRET, _BASE64_SECRET]
        if any(key.startswith("whsec_") for key in source.keys):
            secrets.insert(0, _SIGNING_SECRET)  # what was signed stays signed
        settings = source.settings.model_copy(update={"name": SAMPLE_SOURCE})
        #: the same source with one of the samples' secrets each
        self._stand_ins = [replace(source, settings=settings, keys=(secret,)) for secret in secrets]

    def keep(self, delivery: Delivery) -> Path:
        """Write the sample. Raises NotUnderstood if it cannot be masked whole; then nothing is written."""
        mapping = self._real.mapping
        payload = self._payload(delivery)
        seen = parse.glance(payload, delivery, mapping, self._real.view, keys=self._real.keys)
        for event in parse.understand(delivery, mapping, self._real.view, payload).events:
            self._disguise.learn(event.chat)
        request = self._masked(delivery, payload)
        self._refuse_broken(request, delivery, seen.event)
        request, keys = self._proved(request, delivery.received_at)
        path = self._free_path(file_word(seen.event) if seen.event and seen.event in mapping.events else "unknown_event")
        self._write(path, request, keys, delivery)
        return path

    def _payload(self, delivery: Delivery) -> Any:
        try:
            return parse.decode(delivery, self._real.mapping, self._real.view.limits)
        except NotUnderstood as error:
            raise NotUnderstood(f"it cannot be read with {self._real.mapping.title}'s mapping ({error.message}), "
                                "so nobody could be masked in it") from error  # fmt: skip

    def _refuse_broken(self, request: Outgoing, delivery: Delivery, event: str | None) -> None:
        """A name like a word of the format's would have been replaced there, too."""
        masked = delivery.model_copy(update={"body": request.body, "query": request.query, "headers": dict(request.headers)})
        seen = parse.glance(self._payload(masked), masked, self._real.mapping, self._real.view, keys=self._real.keys)
        if seen.event != event:
            raise NotUnderstood("somebody in it is called like a word of its format, so it cannot be masked; mask it by hand")

    # -- masked --------------------------------------------------------------------------------------------------------

    def _masked(self, delivery: Delivery, payload: Any) -> Outgoing:
        mapping = self._real.mapping
        kind = mapping.body.kind
        raw = delivery.body
        hidden = (*mapping.conceal, *mapping.secrets)
        if hidden and kind == "json":
            raw = json.dumps(conceal(payload, hidden), ensure_ascii=False).encode(mapping.charset, "replace")
        elif hidden and conceal(payload, hidden) != payload:
            raise NotUnderstood("it holds secrets inside a form, which cannot be taken out of it; mask it by hand")
        body = self._without_secrets(self._disguise.body(raw, kind, mapping.charset).decode(mapping.charset, "replace"))
        left = list(self._disguise.left(body))
        if left:
            raise NotUnderstood(f"{', '.join(left)} could not be masked; mask it by hand")
        headers = {name.lower(): self._without_secrets(self._disguise.text(value)) for name, value in delivery.headers.items()
                   if name.lower() not in _LEFT_OUT and not name.lower().startswith("x-forwarded")}  # fmt: skip
        query = self._without_secrets(self._disguise.query(delivery.query)) if delivery.query else ""
        return Outgoing(delivery.method, headers, body.encode(mapping.charset, "replace"), query)

    def _without_secrets(self, text: str) -> str:
        for key in self._real.keys:
            text = text.replace(key, _PLAIN_SECRET)
        return text

    def _proved(self, request: Outgoing, now: datetime) -> tuple[Outgoing, tuple[str, ...]]:
        """With a proof made from a secret of the sample, since the real one must not be known and its signature is broken."""
        if any(rule.scheme == "none" for rule in self._real.mapping.verify):
            return request, ()
        for stand_in in self._stand_ins:
            try:
                base = PUBLIC_URL + hook_path(SAMPLE_SOURCE)
                return proved(request, stand_in, base_url=base, now=now), stand_in.keys
            except CannotBeMade:
                continue
        # only the provider could sign it: kept as what a stranger might send
        return request, ()

    # -- written -------------------------------------------------------------------------------------------------------

    def _free_path(self, event: str) -> Path:
        number = 1
        while (path := self._folder / f"{event}.captured{number if number > 1 else ''}.http").exists():
            number += 1
        return path

    def _write(self, path: Path, request: Outgoing, keys: tuple[str, ...], delivery: Delivery) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        url = hook_path(SAMPLE_SOURCE, request.path_secret) + (f"?{request.query}" if request.query else "")
        headers: Mapping[str, str] = {**request.headers, "content-length": str(len(request.body))}
        head = [f"{request.method} {url} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        path.write_bytes("\n".join(head).encode() + b"\n\n" + request.body + b"\n")
        settings = self._real.settings
        told = {"language": settings.language, "region": settings.region, "fields": dict(settings.fields)}
        day = delivery.received_at.astimezone(UTC).date()
        expected = Expected(
            origin="captured", keys=keys, now=delivery.received_at.replace(microsecond=0), outcome="events",
            source=f"recorded on {day} from a running {self._real.mapping.title}; people, secrets and signatures are made up",
            settings={name: value for name, value in told.items() if value},
        )  # fmt: skip
        accept(replace(read_sample(path), expected=expected), self._real.mapping)
