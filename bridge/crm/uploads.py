"""What a mapping's requests see of a file that is copied, and the request that some CRMs want before the one that hangs it up."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from bridge.crm.call import Call, Caller
from bridge.crm.decipher import as_id
from bridge.errors import CrmBroken, Rejected
from bridge.files.fetching import Fetched
from bridge.mapping.crm import FileUpload
from bridge.mapping.request import FileBytes
from bridge.model import Step


def told_of(file: Fetched, url: str) -> dict[str, Any]:
    """A file with its bytes, as it stands in scope under `file` for the time of its requests; it is stored nowhere."""
    return {
        "url": url, "name": file.name, "type": file.type, "size": len(file.data),
        "base64": b64encode(file.data).decode(), "bytes": FileBytes(file.name, file.type, file.data),
    }  # fmt: skip


async def with_upload(
    write: FileUpload, caller: Caller, scope: Mapping[str, Any], steps: list[Step], guard: Callable[[], None] | None
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
    said = await caller.once(Call("file", write.upload, scope, "upload file", guard=guard), steps)
    found = as_id(said.value(write.upload.id))
    if found is None:
        raise CrmBroken(
            f"The CRM's answer to the upload of a file holds no id: {said.excerpt}",
            status=said.answer.status, operation="file", excerpt=said.excerpt,
        )  # fmt: skip
    return {**scope, "file": {**file, "id": found}}
