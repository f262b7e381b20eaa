"""Files in parts: an upload is opened, its bytes follow to addresses that serve once, the last answer names the file."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiohttp import web
from disguises.disguise import Asked, Json, Strange, only

from bridge.sandbox.refusals import Missing
from bridge.sandbox.speech import answer

SESSIONS = "/v1.0/sessions"


@dataclass
class Drive:
    #: bytes that a part may have
    most: int = 1024
    #: token of the next part → the upload
    _open: dict[str, dict[str, Any]] = field(default_factory=dict)
    _kept: dict[str, Json] = field(default_factory=dict)

    def begin(self, asked: Asked) -> web.Response:
        only(asked.body, ("file_name", "file_size", "content_type"), "session")
        if not isinstance(asked.body["file_size"], int):
            raise Strange("the size of a file is a number")
        upload = {**asked.body, "bytes": b""}
        return answer({"max_file_size": 314572800, "max_part_size": self.most, "session_id": 26136001,
                       "upload_url": self._next(asked, upload)})  # fmt: skip

    def _next(self, asked: Asked, upload: dict[str, Any]) -> str:
        token = secrets.token_urlsafe(16)
        self._open[token] = upload
        return f"{asked.origin}{SESSIONS}/upload/{token}"

    def part(self, asked: Asked) -> web.Response:
        if asked.parts["token"] not in self._open:
            raise Missing("upload", "of this address")
        upload = self._open.pop(asked.parts["token"])
        if len(asked.body) > self.most or asked.headers["Content-Type"] != upload["content_type"]:
            raise Strange(f"a part of {len(asked.body)} bytes as {asked.headers['Content-Type']}")
        upload["bytes"] += asked.body
        if len(upload["bytes"]) < upload["file_size"]:
            return answer({"session_id": 26136001, "next_url": self._next(asked, upload)})
        if len(upload["bytes"]) > upload["file_size"]:
            raise Strange("more bytes than were told")
        told = {"uuid": str(uuid4()), "version_uuid": str(uuid4()), "name": upload["file_name"], "size": upload["file_size"]}
        self._kept[told["uuid"]] = {**told, "content": upload["bytes"], "type": upload["content_type"]}
        return answer({**told, "type": "image", "is_trashed": False, "session_id": 26136001})

    def kept(self, uuid: str, version: str) -> Json:
        """The file of these ids. Raises Strange if there is none: the note that names it would be empty."""
        file = self._kept.get(uuid)
        if file is None or file["version_uuid"] != version:
            raise Strange(f"a note with a file that nobody uploaded: {uuid} {version}")
        return file
