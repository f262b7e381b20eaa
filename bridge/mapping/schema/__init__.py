"""What a mapping may say. The provider's side is in `provider`, the CRM's in `crm`; everything is here to import.

A provider's: `deliveries` on the wire, `events` and what they mean. A CRM's: `writing`, what is written and how it is found
again, and `known`, what its people have set up. Both have `speech` (how an interface is spoken to), `auth`, `request` and
`parts`.
"""

from __future__ import annotations

from typing import Any, Literal

from bridge.mapping.schema.auth import Auth, Consent, Token, TokenEndpoint, Who
from bridge.mapping.schema.crm import ClientFields, CrmMapping, DealFields, Entity, FindStep, OpenDeals, Option, Owner, Read
from bridge.mapping.schema.known import FieldList, NameList
from bridge.mapping.schema.parts import CRM_RULES, LANGUAGE, PROVIDER_RULES, Grade, Mapped, Part, Words
from bridge.mapping.schema.provider import (
    FIELDS,
    OPEN_FIELDS,
    SIGNED_NAMES,
    Answer,
    Body,
    EventRule,
    Fetch,
    Files,
    Handshake,
    Messages,
    Paste,
    ProviderMapping,
    Reconcile,
    Reply,
    SignedAt,
    Verify,
)
from bridge.mapping.schema.request import MaybeRequest, PagedRequest, Pages, Request
from bridge.mapping.schema.speech import Again, Api, Bucket, CountedLimits, Counter, ErrorRule, Limits, Pause
from bridge.mapping.schema.writing import (
    NO_MARKER,
    Create,
    Deal,
    Enrich,
    FieldMerge,
    FileUpload,
    Marker,
    Note,
    NoteMax,
    Task,
    Upload,
    UploadParts,
    Write,
)

__all__ = [
    "CRM_RULES", "FIELDS", "KINDS", "LANGUAGE", "NO_MARKER", "OPEN_FIELDS", "PROVIDER_RULES", "SIGNED_NAMES", "Again", "Answer",
    "Api", "Auth", "Body", "Bucket", "ClientFields", "Consent", "CountedLimits", "Counter", "Create", "CrmMapping", "Deal",
    "DealFields", "Enrich", "Entity", "ErrorRule", "EventRule", "Fetch", "FieldList", "FieldMerge", "FileUpload", "Files",
    "FindStep", "Grade", "Handshake", "Kind", "Limits", "Mapped", "Marker", "MaybeRequest", "Messages", "NameList", "Note",
    "NoteMax", "OpenDeals", "Option", "Owner", "PagedRequest", "Pages", "Part", "Paste", "Pause", "ProviderMapping", "Read",
    "Reconcile", "Reply", "Request", "SignedAt", "Task", "Token", "TokenEndpoint", "Upload", "UploadParts", "Verify", "Who",
    "Words", "Write", "json_schema",
]  # fmt: skip

Kind = Literal["provider", "crm"]
KINDS: dict[Kind, type[ProviderMapping | CrmMapping]] = {"provider": ProviderMapping, "crm": CrmMapping}


def json_schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of a kind of mapping, for editors.

    A mapping that extends another holds only what it changes, so nothing is required in it but the language's version.
    """
    schema = KINDS[kind].model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    # the editors' YAML server speaks draft 7 and no later one
    schema["definitions"] = schema.pop("$defs")
    whole = schema.get("required", [])
    schema["required"] = ["mapping_language"]
    schema["anyOf"] = [{"required": ["extends"]}, {"required": [name for name in whole if name != "mapping_language"]}]
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": f"chat2crm {kind} mapping", **schema}
