"""What a file is, by its first bytes, and which files are taken. Pure; nothing is unpacked or interpreted.

What the other side calls a file proves nothing: a page, a program or a drawing with a script in it may be named `photo.png`
and be sent as `image/png`. So the bytes decide, and the name is given an ending that fits them. What is known by no sign
here is of no kind, and is not copied.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from bridge.networks import Network

Group = Literal["images", "pdf", "text", "office", "audio", "video", "archives"]
GROUPS: tuple[Group, ...] = get_args(Group)
#: what a chat is about; films and archives have to be asked for
USUAL: tuple[Group, ...] = ("images", "pdf", "text", "office", "audio")

#: bytes that are looked at to tell text from other things
HEAD = 64 * 1024
#: the longest name of a file, its ending included
LONGEST_NAME = 120
UNNAMED = "file"


MIB = 1024 * 1024
#: seconds from the first look-up to the last byte, redirects included
WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken at all."""

    #: bytes
    most: int = 10 * MIB
    groups: Collection[Group] = USUAL
    #: networks in which files may lie besides the internet
    private: Sequence[Network] = ()
    within: float = WITHIN


@dataclass(frozen=True, slots=True)
class Kind:
    group: Group
    #: what it is sent as
    type: str
    #: endings that a file of this kind may have; the first is put behind a name that has none of them
    endings: tuple[str, ...]


_PDF = Kind("pdf", "application/pdf", ("pdf",))
_ZIP = Kind("archives", "application/zip", ("zip",))
_MP4 = Kind("video", "video/mp4", ("mp4", "m4v"))
_WEBM = Kind("video", "video/webm", ("webm", "mkv"))
_SPOKEN_WEBM = Kind("audio", "audio/webm", ("weba",))

#: (where, the bytes there) → kind; the first that fits. Two bytes prove too little where text may begin with them
_SIGNS: tuple[tuple[int, bytes, Kind], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", Kind("images", "image/png", ("png",))),
    (0, b"\xff\xd8\xff", Kind("images", "image/jpeg", ("jpg", "jpeg", "jpe", "jfif"))),
    (0, b"GIF87a", Kind("images", "image/gif", ("gif",))),
    (0, b"GIF89a", Kind("images", "image/gif", ("gif",))),
    (0, b"II*\x00", Kind("images", "image/tiff", ("tif", "tiff"))),
    (0, b"MM\x00*", Kind("images", "image/tiff", ("tif", "tiff"))),
    (8, b"WEBP", Kind("images", "image/webp", ("webp",))),
    (4, b"ftyphei", Kind("images", "image/heic", ("heic", "heif"))),
    (4, b"ftypmif1", Kind("images", "image/heif", ("heif", "heic"))),
    (4, b"ftypavif", Kind("images", "image/avif", ("avif",))),
    (0, b"%PDF-", _PDF),
    (0, b"{\\rtf", Kind("office", "application/rtf", ("rtf",))),
    (0, b"ID3", Kind("audio", "audio/mpeg", ("mp3",))),
    (0, b"\xff\xfb", Kind("audio", "audio/mpeg", ("mp3",))),
    (0, b"\xff\xf3", Kind("audio", "audio/mpeg", ("mp3",))),
    (0, b"\xff\xf2", Kind("audio", "audio/mpeg", ("mp3",))),
    (0, b"\xff\xf1", Kind("audio", "audio/aac", ("aac",))),
    (0, b"\xff\xf9", Kind("audio", "audio/aac", ("aac",))),
    (0, b"OggS", Kind("audio", "audio/ogg", ("ogg", "oga", "opus"))),
    (0, b"fLaC", Kind("audio", "audio/flac", ("flac",))),
    (0, b"#!AMR", Kind("audio", "audio/amr", ("amr",))),
    (8, b"WAVE", Kind("audio", "audio/wav", ("wav",))),
    (4, b"ftypM4A", Kind("audio", "audio/mp4", ("m4a",))),
    (4, b"ftypqt", Kind("video", "video/quicktime", ("mov",))),
    (8, b"AVI ", Kind("video", "video/x-msvideo", ("avi",))),
    (0, b"7z\xbc\xaf\x27\x1c", Kind("archives", "application/x-7z-compressed", ("7z",))),
    (0, b"Rar!\x1a\x07", Kind("archives", "application/vnd.rar", ("rar",))),
    (0, b"\x1f\x8b\x08", Kind("archives", "application/gzip", ("gz", "tgz"))),
)
#: what stands eight bytes on is a sign only behind this
_RIFF = b"RIFF"
_OPENXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
#: documents that are archives or old containers, by their ending: the bytes alone do not tell which
_ZIPPED: Mapping[str, Kind] = {
    ending: Kind("office", type_, (ending,))
    for ending, type_ in {
        "docx": f"{_OPENXML}wordprocessingml.document", "xlsx": f"{_OPENXML}spreadsheetml.sheet",
        "pptx": f"{_OPENXML}presentationml.presentation", "odt": f"{_ODF}text", "ods": f"{_ODF}spreadsheet",
        "odp": f"{_ODF}presentation",
    }.items()
}  # fmt: skip
_CONTAINED: Mapping[str, Kind] = {
    ending: Kind("office", type_, (ending,))
    for ending, type_ in {
        "doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
    }.items()
}  # fmt: skip
_TEXTS: Mapping[str, Kind] = {
    "csv": Kind("text", "text/csv", ("csv",)),
    "vcf": Kind("text", "text/vcard", ("vcf",)),
    "ics": Kind("text", "text/calendar", ("ics",)),
}
_PLAIN = Kind("text", "text/plain", ("txt", "log", "md", "json", "eml"))
_OLD_CONTAINER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: how the first entry of a document's archive is called
_DOCUMENT_ENTRY = re.compile(rb"(\[Content_Types\]\.xml|_rels/|docProps/|word/|xl/|ppt/|mimetype)")
#: text that a browser, a shell or a server would carry out
_LIVE = re.compile(rb"\s*(<!doctype|<html|<head|<body|<script|<svg|<\?|<%|<!--|#!)", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\\/:*?\"<>|\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def kind_of(data: bytes, name: str, declared: str = "") -> Kind | None:
    """What it is; None if it cannot be said, or would be carried out by whoever opens it.

    `name` and `declared` (what the server called its type) only choose between things that begin alike.
    """
    ending = _ending(name)
    for at, sign, kind in _SIGNS:
        if data.startswith(sign, at) and (at != 8 or data.startswith(_RIFF)):  # noqa: PLR2004 - where RIFF says what it holds
            return kind
    if data.startswith(b"PK\x03\x04"):
        return _ZIPPED.get(ending, _ZIP) if _DOCUMENT_ENTRY.match(data, 30) else _ZIP
    if data.startswith(_OLD_CONTAINER):
        return _CONTAINED.get(ending)  # installers come in such a container too
    if data.startswith(b"ftyp", 4):
        return _MP4
    if data.startswith(b"\x1a\x45\xdf\xa3"):
        return _SPOKEN_WEBM if declared.startswith("audio/") or ending == "weba" else _WEBM
    return _TEXTS.get(ending, _PLAIN) if _is_text(data) else None


def safe_name(name: str, kind: Kind) -> str:
    """A name for a file of this kind: no folders, nothing that cannot be seen, an ending that fits the bytes."""
    bare = _UNUSABLE.sub(" ", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" .")
    known = _ending(bare) in kind.endings
    stem, ending = (bare.rpartition(".")[0], _ending(bare)) if known else (bare, kind.endings[0])
    stem = " ".join(stem.split())[: LONGEST_NAME - len(ending) - 1].strip(" .")
    return f"{stem or UNNAMED}.{ending}"


def _ending(name: str) -> str:
    _, dot, ending = name.rpartition(".")
    return ending.strip().lower() if dot else ""


def _is_text(data: bytes) -> bool:
    head = data[:HEAD]
    if not head.strip() or _LIVE.match(head.removeprefix(b"\xef\xbb\xbf")):
        return False
    for encoding in ("utf-8", "cp1251"):
        try:
            # of a longer file the last character may be cut in two
            text = codecs.getincrementaldecoder(encoding)("strict").decode(head, final=len(data) <= HEAD)
        except UnicodeDecodeError:
            continue
        return not _CONTROLS.search(text)
    return False
