"""Fetch a model into the Hugging Face cache: ``python -m providers._download OWNER/REPO [FILE]``.

Without FILE it is a Whisper, with all that faster-whisper needs; with it, that one file.

A process of its own, because it can then be ended at any moment (a thread that hangs in a read cannot), and because
the hub's client and its certificates are a second of imports that no event loop should feel. It writes one JSON object
a line: ``{"bytes": done, "of": total}`` as bytes arrive, at last ``{"path": directory}`` or ``{"error": why}``.

The small files come through ``snapshot_download``. The weights do not: since version 2 it begins a file again from its
first byte after an interruption, so they are fetched here with a Range request onto what is already there.
"""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import sys
import urllib.request
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlparse

SMALL = ["config.json", "preprocessor_config.json", "tokenizer.json", "vocabulary.*"]
"""With the weights, the files that faster-whisper itself fetches."""
WEIGHTS = "model.bin"
BLOCK = 256 * 1024
READ_TIMEOUT = 60.0
"""Seconds. Only so that nothing hangs for ever: whoever started this process gives up earlier."""


def fetch(repo: str, file: str = "") -> Path:
    """The snapshot directory with all files of ``repo`` that faster-whisper needs; or the path of the one ``file``."""
    from huggingface_hub import snapshot_download

    # The weights come last, so that a cached model.bin means a complete model.
    snapshot = Path(snapshot_download(repo, allow_patterns=[] if file else SMALL))
    if not (snapshot / (file or WEIGHTS)).exists():
        _fetch_large(repo, snapshot, file or WEIGHTS)
    return snapshot / file if file else snapshot


def _fetch_large(repo: str, snapshot: Path, name: str) -> None:
    from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url

    url = hf_hub_url(repo, name, revision=snapshot.name)
    metadata = get_hf_file_metadata(url)
    if metadata.etag is None or metadata.size is None:
        raise OSError(f"{urlparse(url).netloc} does not say how large {name} is")
    blobs = snapshot.parent.parent / "blobs"
    blobs.mkdir(exist_ok=True)
    snapshot.mkdir(parents=True, exist_ok=True)
    partial = blobs / f"{metadata.etag}.parley.incomplete"
    headers = {"User-Agent": "parley"}
    token = get_token()
    if token and urlparse(metadata.location).netloc == urlparse(url).netloc:  # it is not for where the hub sends us
        headers["Authorization"] = f"Bearer {token}"
    with partial.open("ab") as file:
        _append(metadata.location, headers, file, metadata.size)
    _check(partial, metadata.etag, name)
    blob = blobs / metadata.etag
    partial.replace(blob)
    target = snapshot / name
    try:
        target.symlink_to(os.path.relpath(blob, snapshot))
    except OSError:  # no symbolic links here: the hub's cache then keeps the file itself in the snapshot
        blob.replace(target)


def _append(url: str, headers: dict[str, str], file: IO[bytes], size: int) -> None:
    done = file.tell()
    _say(bytes=done, of=size)
    if done >= size:
        return
    request = urllib.request.Request(url, headers={**headers, "Range": f"bytes={done}-", "Accept-Encoding": "identity"})
    with urllib.request.urlopen(request, timeout=READ_TIMEOUT, context=_certificates()) as response:
        if response.status != 206 and done:  # the server knows no ranges
            file.truncate(0)
            done = 0
        while block := response.read1(BLOCK):
            file.write(block)
            done += len(block)
            _say(bytes=done, of=size)
    if done != size:
        raise OSError(f"the connection ended after {done} of {size} bytes; the next attempt goes on there")


def _certificates() -> ssl.SSLContext:
    try:
        import certifi
    except ImportError:
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())


def _check(partial: Path, etag: str, name: str) -> None:
    """The hub's etag of a large file is its SHA-256."""
    if len(etag) != 64:
        return
    with partial.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != etag:
        partial.unlink()
        raise OSError(f"{name} arrived damaged and was deleted; try again")


def _say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main(repo: str, file: str = "") -> int:
    """The process: always one last line that says how it ended."""
    try:
        path = fetch(repo, file)
    except Exception as error:  # whatever it was, it is told to the parent, in a line
        _say(error=_reason(error))
        return 1
    _say(path=str(path))
    return 0


def _reason(error: BaseException) -> str:
    """The innermost cause, in a line: the outer errors of the hub's client are pages."""
    while error.__cause__ is not None:
        error = error.__cause__
    status = getattr(getattr(error, "response", None), "status_code", None) or getattr(error, "code", None)
    if isinstance(status, int):
        return {401: "no such model (or it wants a token)", 404: "no such model"}.get(status, f"HTTP status {status}")
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
