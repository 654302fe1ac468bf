"""Looks for planted values in the clear: in files (also within archives and compressed ones), command lines and answers."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

MAX_DEPTH = 5
MAX_UNPACKED = 64 << 20


def forms(secret: str) -> set[bytes]:
    """How a value may be written down: as it is, escaped as in JSON (also twice), percent-encoded, hex, base64 at every alignment."""
    raw = secret.encode()
    once = json.dumps(secret)[1:-1]
    found = {raw, once.encode(), json.dumps(once)[1:-1].encode(), json.dumps(secret, ensure_ascii=False)[1:-1].encode(), raw.hex().encode(),
             urllib.parse.quote(secret, safe="").encode(), urllib.parse.quote_plus(secret).encode(), secret.encode("utf-16-le")}
    # Go writes these so in JSON.
    found.add(once.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode())
    for text in (raw, once.encode()):
        for shift in range(3):
            # The characters at both ends depend on what is around; those between do not.
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                whole = encode(b"\0" * shift + text).rstrip(b"=")
                found.add(whole[(shift * 8 + 5) // 6 + (1 if shift else 0) : -2])
    return {f for f in found if len(f) >= 6}


class Search:
    def __init__(self, secrets: dict[str, str]) -> None:
        self.needles = {form: name for name, secret in secrets.items() for form in forms(secret)}
        self.found: list[str] = []
        self.looked_at = 0
        self.unpacked = 0

    def check(self, place: str, data: bytes, depth: int = 0) -> None:
        self.looked_at += 1
        for needle, name in self.needles.items():
            at = data.find(needle)
            if at >= 0:
                self.found.append(f"{name} in {place} as {needle[:12]!r}...: {data[max(0, at - 60):at]!r}")
        if depth < MAX_DEPTH:
            for inner, content in _inside(data):
                self.unpacked += 1
                self.check(f"{place}!{inner}", content, depth + 1)

    def file(self, path: Path) -> None:
        try:
            self.check(str(path), path.read_bytes())
        except OSError:
            pass  # gone meanwhile, a socket

    def tree(self, folder: Path, leave_out: Iterable[Path] = ()) -> None:
        skipped = {str(p) for p in leave_out}
        for top, folders, files in os.walk(folder):
            folders[:] = [f for f in folders if os.path.join(top, f) not in skipped]
            for name in files:
                path = Path(top) / name
                self.check(f"name of {path}", name.encode())
                if path.is_file() and not path.is_symlink():
                    self.file(path)

    def command_lines(self) -> None:
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) != os.getpid():
                self.file(Path("/proc") / entry / "cmdline")


def _inside(data: bytes) -> Iterable[tuple[str, bytes]]:
    if data[:4] == b"PK\x03\x04":
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for entry in archive.infolist():
                    if entry.file_size <= MAX_UNPACKED:
                        yield entry.filename, archive.read(entry)
        except (zipfile.BadZipFile, RuntimeError, zlib.error):
            pass
    for magic, unpack in ((b"\x1f\x8b", gzip.decompress), (b"BZh", bz2.decompress), (b"\xfd7zXZ", lzma.decompress)):
        if data.startswith(magic):
            try:
                yield "unpacked", unpack(data)
            except (OSError, EOFError, zlib.error, lzma.LZMAError):
                pass
    if data[257:262] == b"ustar":
        try:
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.isfile() else None
                    if file:
                        yield member.name, file.read(MAX_UNPACKED)
        except tarfile.TarError:
            pass
