"""The exact requests of a plan, caught on their way out."""

from __future__ import annotations

import json
from typing import Any

from bridge.cli.access import Halting, NotAsked, Offline
from bridge.clock import Clock
from bridge.connections.targets import Target
from bridge.crm.call import Tokens
from bridge.crm.client import Crm
from bridge.crm.uploads import told_of
from bridge.errors import BridgeError
from bridge.files.fetching import Fetched
from bridge.model import Operation, OperationKind
from bridge.transport import PreparedRequest, Sends

#: stands where an id will stand that only an earlier request of the same plan can give
NEW_CLIENT, NEW_DEAL = "NEW-CLIENT", "NEW-DEAL"
#: stands where the bytes of a file will stand, which are not fetched for a trial
THE_FILE = "THE-FILE-IN-BASE64"
#: what reads before it writes: the card as it is now, the ids behind names
_READS_FIRST = frozenset({OperationKind.ENRICH, OperationKind.DEAL})


async def rendered(
    operation: Operation, target: Target, *, reads: Sends | None = None, tokens: Tokens | None = None
) -> PreparedRequest | str:
    """The request that would carry it out, to the byte; a sentence if there is none. It is never sent.

    `reads` is asked what has to be known before (the card of a client that is to be enriched); None: nothing is asked.
    """
    before = reads if reads is not None and operation.kind in _READS_FIRST else Offline()
    halting = Halting(before)
    crm = Crm(target.name, target.mapping, target.settings, transport=halting, tokens=tokens, clock=Clock())
    try:
        await crm.perform(operation, _known(operation, target), [], guard=halting.arm)
    except NotAsked as error:
        return halting.caught or error.message
    except BridgeError as error:
        return error.message
    return "Nothing: all of it stands on the card already."


def _known(operation: Operation, target: Target) -> dict[str, Any]:
    """What earlier operations of the plan would have given."""
    known: dict[str, Any] = {}
    made = target.mapping.knows_clients and operation.kind is not OperationKind.CREATE
    if made and not operation.scope.get("client"):
        known["client"] = {"id": NEW_CLIENT, "entity": target.mapping.create.entity}
    note = operation.scope.get("note") or {}
    if not operation.scope.get("deal") and note.get("on") == "deal":
        known["deal"] = {"id": NEW_DEAL}
    if operation.kind is OperationKind.FILE:  # a trial fetches nothing from where strangers say
        file = operation.scope.get("file") or {}
        told = Fetched(file.get("name") or "file", file.get("type") or "application/octet-stream", b"the bytes of the file")
        known["file"] = {**told_of(told, file.get("url") or ""), "base64": THE_FILE}
    return known


def as_text(request: PreparedRequest) -> str:
    """A request as people read it: the line, its headers but for the usual ones, its body laid out."""
    lines = [f"{request.method} {request.url}"]
    lines += [f"{name}: {_shown(name, value)}" for name, value in request.headers.items() if name.lower() != "content-type"]
    if request.body:
        lines.append(_laid_out(request.body))
    return "\n".join(lines)


def _shown(name: str, value: str) -> str:
    # A name and a password stand there in another spelling, in which masking would not know them.
    return "Basic ***" if name.lower() == "authorization" and value.startswith("Basic ") else value


def _laid_out(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text
