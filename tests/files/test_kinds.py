"""What a file is, by its bytes; and the name it is given."""

from __future__ import annotations

import io
import zipfile

import pytest
from file_place import PAGE, PDF, PNG

from bridge.files.kinds import GROUPS, HEAD, LONGEST_NAME, USUAL, kind_of, safe_name


def archive(*names: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return written.getvalue()


OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100


@pytest.mark.parametrize(("data", "name", "kind"), [
    (PNG, "a.png", "image/png"), (b"\xff\xd8\xff\xe0JFIF", "", "image/jpeg"), (b"GIF89a...", "", "image/gif"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "", "image/webp"), (b"\0\0\0\x18ftypheic", "", "image/heic"),
    (b"RIFF\x00\x00\x00\x00WAVEfmt ", "", "audio/wav"), (b"ID3\x04", "", "audio/mpeg"), (b"OggS\0", "", "audio/ogg"),
    (b"\0\0\0\x18ftypM4A ", "", "audio/mp4"), (b"#!AMR\n", "", "audio/amr"), (PDF, "x", "application/pdf"),
    (b"\0\0\0\x18ftypisom", "", "video/mp4"), (b"\x1a\x45\xdf\xa3...", "", "video/webm"),
    (archive("[Content_Types].xml", "word/document.xml"), "смета.DOCX",
     "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (archive("mimetype", "content.xml"), "a.ods", "application/vnd.oasis.opendocument.spreadsheet"),
    (OLD, "a.xls", "application/vnd.ms-excel"), (b"{\\rtf1", "a.rtf", "application/rtf"),
    ("Добрый день".encode(), "a.txt", "text/plain"), ("Добрый день".encode("cp1251"), "a.txt", "text/plain"),
    (b"a;b\n1;2\n", "a.csv", "text/csv"), (b"BEGIN:VCARD\n", "a.vcf", "text/vcard"),
    (b"\xef\xbb\xbfwith a mark", "", "text/plain"),
])
def test_a_file_is_what_its_bytes_say(data: bytes, name: str, kind: str) -> None:
    known = kind_of(data, name)

    assert known is not None
    assert known.type == kind


@pytest.mark.parametrize(("data", "name"), [
    (b"", "a.txt"), (b"  \n", "a.txt"), (b"MZ\x90\x00\x03\x00", "photo.png"), (b"\x7fELF\x02\x01\x01\x00", "a.txt"),
    (PAGE, "a.txt"), (b"\xef\xbb\xbf  <SVG onload=alert(1)>", "a.txt"), (b"<?xml version='1.0'?><svg/>", "a.png"),
    (b"<?php system('id');", "a.txt"), (b"#!/bin/sh\nrm -rf /\n", "a.txt"), (b"text with a \x00 in it", "a.txt"),
    (OLD, "setup.msi"), (OLD, "photo.png"), (b"AVI WAVE WEBP" + b"\x01" * 20, "a.wav"), (b"%!PS-Adobe \x01", "a.ps"),
])
def test_what_would_be_carried_out_or_cannot_be_told_is_of_no_kind(data: bytes, name: str) -> None:
    assert kind_of(data, name) is None


@pytest.mark.parametrize(("name", "names"), [
    ("order.docx", ("run.exe",)), ("order.exe", ("[Content_Types].xml",)), ("order.docm", ("[Content_Types].xml",)),
])
def test_an_archive_is_a_document_only_with_the_ending_and_the_look_of_one(name: str, names: tuple[str, ...]) -> None:
    known = kind_of(archive(*names), name)

    assert known is not None
    assert known.group == "archives"


def test_speech_and_film_begin_alike_and_the_server_tells_them_apart() -> None:
    data = b"\x1a\x45\xdf\xa3" + b"\0" * 50

    assert [kind_of(data, "", declared).group for declared in ("audio/webm", "video/webm")] == ["audio", "video"]  # type: ignore[union-attr]


def test_a_long_text_whose_last_letter_is_cut_in_two_is_text() -> None:
    data = b"x" * (HEAD - 1) + "я".encode() * 100

    known = kind_of(data, "a.txt")
    assert known is not None
    assert known.group == "text"


@pytest.mark.parametrize(("name", "data", "kept"), [
    ("photo.png", PNG, "photo.png"), ("photo.PNG", PNG, "photo.png"), ("invoice.exe", PNG, "invoice.exe.png"),
    ("", PNG, "file.png"), ("../../etc/passwd", PNG, "passwd.png"), ("C:\\temp\\план.pdf", PDF, "план.pdf"),
    ("a\r\nX-Evil: 1.pdf", PDF, "a X-Evil 1.pdf"), ("fdp\u202e.exe", PDF, "fdp .exe.pdf"), (".htaccess", PDF, "htaccess.pdf"),
    ("run.bat", b"echo hello", "run.bat.txt"), ("page.html", b"no tags in it", "page.html.txt"), ("....", PDF, "file.pdf"),
])
def test_a_name_is_given_no_folders_and_an_ending_that_fits(name: str, data: bytes, kept: str) -> None:
    kind = kind_of(data, name)

    assert kind is not None
    assert safe_name(name, kind) == kept


def test_a_long_name_keeps_its_ending() -> None:
    kind = kind_of(PDF, "")

    assert kind is not None
    named = safe_name("я" * 500 + ".pdf", kind)
    assert (len(named), named[-5:]) == (LONGEST_NAME, "я.pdf")


def test_films_and_archives_are_not_copied_unless_asked_for() -> None:
    assert set(GROUPS) - set(USUAL) == {"video", "archives"}
