"""Fetch a Piper voice: ``python -m providers._piper_download NAME FOLDER``.

A process of its own and one JSON object a line, as `_download` says, whose resuming this uses. The voice's description
comes first and its model last, so that a model in the folder means a complete voice.
"""

from __future__ import annotations

import hashlib
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from typing import IO

from providers._download import READ_TIMEOUT, _append, _certificates, _reason, _say

REPOSITORY = "rhasspy/piper-voices"
ENDINGS = (".onnx.json", ".onnx")


def fetch(name: str, folder: Path) -> Path:
    """The model's path, once the voice is complete in ``folder``. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for ending in ENDINGS:
        target = folder / f"{name}{ending}"
        if not target.exists():
            _fetch_file(_url(name, ending), target)
    return target


def _url(name: str, ending: str) -> str:
    """As the voices' own repository is laid out: en/en_US/lessac/medium/en_US-lessac-medium.onnx."""
    language, voice, quality = name.split("-")
    host = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    folder = f"{language.split('_')[0]}/{language}/{voice}/{quality}"
    return f"{host}/{REPOSITORY}/resolve/main/{folder}/{name}{ending}"


def _fetch_file(url: str, target: Path) -> None:
    remote = _look(url)
    partial = target.with_name(
        f".{target.name}.{remote.etag[:16]}.part"
    )  # what began as another file is not gone on with
    with partial.open("ab") as file:
        _append(remote.location, {"User-Agent": "parley"}, file, remote.size)
    if len(remote.etag) == 64:  # the hub's etag of a large file is its SHA-256
        with partial.open("rb") as whole:
            found = hashlib.file_digest(whole, "sha256").hexdigest()
        if found != remote.etag:
            partial.unlink()
            raise OSError(f"{target.name} arrived damaged and was deleted; try again")
    partial.replace(target)


@dataclass(frozen=True)
class _Remote:
    location: str
    size: int
    etag: str


class _Stay(urllib.request.HTTPRedirectHandler):
    """Do not follow: the size and the checksum are told by who sends us elsewhere."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        return None


def _look(url: str) -> _Remote:
    opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=_certificates()))
    request = urllib.request.Request(
        url, method="HEAD", headers={"User-Agent": "parley", "Accept-Encoding": "identity"}
    )
    try:
        with opener.open(request, timeout=READ_TIMEOUT) as answer:
            headers, location = answer.headers, url
    except urllib.error.HTTPError as error:
        headers, location = error.headers, error.headers.get("Location") or ""
        error.close()
        if error.code // 100 != 3 or not location:
            raise
        location = urllib.parse.urljoin(url, location)
    size = headers.get("X-Linked-Size") or headers.get("Content-Length")
    if size is None:
        raise OSError("the server does not say how large the voice is")
    etag = (headers.get("X-Linked-Etag") or headers.get("ETag") or "").removeprefix("W/").strip('"')
    return _Remote(location, int(size), "".join(filter(str.isalnum, etag)))


def main(name: str, folder: str) -> int:
    """The process: always one last line that says how it ended."""
    try:
        path = fetch(name, Path(folder))
    except Exception as error:  # whatever it was, it is told to the parent, in a line
        _say(error=_reason(error))
        return 1
    _say(path=str(path))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
