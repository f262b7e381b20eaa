"""What a mapping's requests see of a file that is copied, and the request that some CRMs want before the one that hangs it up."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.crm.call import Call, Guard
from bridge.crm.caller import Caller
from bridge.crm.decipher import Said, as_id
from bridge.crm.render import same_origin
from bridge.errors import CrmBroken, Rejected
from bridge.files.fetching import Fetched
from bridge.mapping.schema.request import FileBytes
from bridge.mapping.schema.writing import FileUpload, UploadParts
from bridge.model import Step
from bridge.transport import PreparedRequest

#: a part that is shorter is a mistake: a file would go out in thousands of requests
SMALLEST_PART = 1024


def told_of(file: Fetched, url: str) -> dict[str, Any]:
    """A file with its bytes, as it stands in scope under `file` for the time of its requests; it is stored nowhere."""
    return {
        "url": url, "name": file.name, "type": file.type, "size": len(file.data),
        "base64": b64encode(file.data).decode(), "bytes": FileBytes(file.name, file.type, file.data),
    }  # fmt: skip


async def with_upload(
    write: FileUpload, caller: Caller, scope: Mapping[str, Any], steps: list[Step], guard: Guard | None
) -> dict[str, Any]:
    """The scope, with `file.id` where the CRM has to have the file before it can hang on a card.

    Raises:
        Rejected: there are no bytes.
        CrmError: as the request before; a file that it left behind hangs on nothing, and is sent again with the next try.
    """
    file = scope.get("file") or {}
    if not file.get("bytes"):
        raise Rejected("The file's bytes are not at hand, so there is nothing to copy.", operation="file")
    if write.upload is None:
        return dict(scope)
    call = Call("file", write.upload, scope, "upload file", guard=guard, base_url=write.upload.base_url)
    said = await caller.once(call, steps)
    if write.upload.parts is not None:
        said = await _in_parts(write.upload.parts, said, call, file["bytes"], caller, steps)
    found = as_id(said.value(write.upload.id))
    if found is None:
        raise CrmBroken(
            f"The CRM's answer to the upload of a file holds no id: {said.excerpt}",
            status=said.answer.status, operation="file", excerpt=said.excerpt,
        )  # fmt: skip
    return {**scope, "file": {**file, "id": found}}


async def _in_parts(
    parts: UploadParts, opened: Said, call: Call, file: FileBytes, caller: Caller, steps: list[Step]
) -> Said:
    """Sends the bytes after the request that opened the upload; gives the answer to the last part.

    Raises:
        Rejected: an answer leads to another host.
        CrmBroken: an answer does not say where the next part goes, or how long one may be.
    """
    size = _number(opened.value(parts.size))
    if size is None or size < SMALLEST_PART:
        raise _unclear("how long a part may be", opened)
    said, host = opened, await caller.address(call)
    for begin in range(0, len(file.data), size):
        link = said.value(parts.url)
        if not isinstance(link, str) or not link:
            raise _unclear("where the next part goes", said)
        part = PreparedRequest("POST", same_origin(host, link), {"Content-Type": file.type}, file.data[begin : begin + size])
        said = await caller.once(replace(call, prepared=part, what="upload part of file"), steps)
    return said


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _unclear(what: str, said: Said) -> CrmBroken:
    return CrmBroken(
        f"The CRM's answer does not say {what}: {said.excerpt}", status=said.answer.status, operation="file", excerpt=said.excerpt
    )
