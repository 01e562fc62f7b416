"""What the user calls a Whisper model -> the directory that holds it.

A directory is taken as it is. A name is looked up in the Hugging Face cache, and downloaded when it is not there.
"""

from __future__ import annotations

import os
from pathlib import Path

from assistant.ports import ParleyError, ProviderUnavailable
from providers._fetching import DownloadFailed, fetched

SHIPPED = {
    name: Path(__file__).parent / "data" / "tiny-whisper" / name.removeprefix("parley-")
    for name in ("parley-rough", "parley-accurate")
}
"""Our own test models. They know some 220 phrases of two speech synthesizers, and hear one of them in everything."""

USES = {"realtime": "tiny.en", "streaming": "base.en", "batch": "small.en", "accurate": "medium.en"}
"""What a model is wanted for -> its name. On a CPU of 2020: keeps up with partials on two cores; good partials on four;
only finals; finals for which one waits a second or more."""
USES_MULTILINGUAL = {use: name.removesuffix(".en") for use, name in USES.items()}

_SIZES = ["tiny", "base", "small", "medium"]
REPOSITORIES = {
    **{size: f"Systran/faster-whisper-{size}" for size in _SIZES},
    **{f"{size}.en": f"Systran/faster-whisper-{size}.en" for size in _SIZES},
    **{f"large-{version}": f"Systran/faster-whisper-large-{version}" for version in ("v1", "v2", "v3")},
    **{f"distil-{size}.en": f"Systran/faster-distil-whisper-{size}.en" for size in ("small", "medium")},
    **{f"distil-large-{version}": f"Systran/faster-distil-whisper-large-{version}" for version in ("v2", "v3")},
    "large": "Systran/faster-whisper-large-v3",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}
"""Names -> repositories on the hub, as faster-whisper 1.2 has them."""

NEEDED = ("model.bin", "config.json", "tokenizer.json")
"""Without tokenizer.json faster-whisper would go to the network for one."""

DOWNLOAD_GAP = 20.0
"""Seconds without a byte after which a download is given up."""


async def resolve(model: str, *, language: str | None = None, gap: float = DOWNLOAD_GAP) -> Path:
    """The directory of ``model``: a directory, a name, ``owner/repository``, or what it is for (see USES).

    ``language`` (ISO 639-1; None: any) matters for what a model is for: English has smaller models of its own. Raises
    ParleyError for a wrong name or directory, ProviderUnavailable when it cannot be downloaded.
    """
    model = _named(model, language)
    place = _place(model)
    if isinstance(place, Path):
        return place
    return cached(place) or await _download(model, place, gap)


def is_here(model: str, *, language: str | None = None) -> bool:
    """`resolve` would not have to download it. Raises ParleyError for a wrong name or directory."""
    place = _place(_named(model, language))
    return isinstance(place, Path) or cached(place) is not None


def _named(model: str, language: str | None) -> str:
    return (USES if language == "en" else USES_MULTILINGUAL).get(model, model)


def _place(model: str) -> Path | str:
    """The directory of a model that is here, or the repository of one on the hub."""
    if model in SHIPPED:
        return SHIPPED[model]
    if model in REPOSITORIES:
        return REPOSITORIES[model]
    if (directory := Path(model).expanduser()).is_dir():
        return _checked(directory)
    if model.count("/") == 1 and not model.startswith(("/", ".", "~")):
        return model
    if "/" in model or "\\" in model:
        raise ParleyError(
            f"faster-whisper: there is no directory {model}; give one that holds a CTranslate2 Whisper model"
        )
    known = ", ".join(sorted([*REPOSITORIES, *USES]))
    raise ParleyError(
        f"faster-whisper: there is no model called {model!r}; choose one of {known}, or give the directory of one"
    )


def _checked(directory: Path) -> Path:
    for name in NEEDED:
        if not (directory / name).is_file():
            raise ParleyError(
                f"faster-whisper: {directory} holds no CTranslate2 Whisper model ({name} is missing); convert one with "
                "ct2-transformers-converter --copy_files tokenizer.json preprocessor_config.json"
            )
    return directory


def cached(repository: str) -> Path | None:
    """The newest complete snapshot of ``repository`` in the Hugging Face cache. Touches no network."""
    folder = cache() / f"models--{repository.replace('/', '--')}"
    try:
        commit = (folder / "refs" / "main").read_text().strip()
    except OSError:
        return None
    snapshot = folder / "snapshots" / commit
    return snapshot if all((snapshot / name).is_file() for name in NEEDED) else None


def cache() -> Path:
    """Where the hub's own tools keep what they downloaded (its documented order of environment variables)."""
    if path := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(path).expanduser()
    home = os.environ.get("HF_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface")
    return Path(home).expanduser() / "hub"


async def _download(model: str, repository: str, gap: float) -> Path:
    try:
        return await fetched(model, ["providers._download", repository], gap=gap)
    except DownloadFailed as failed:
        raise _unavailable(model, str(failed)) from None


def _unavailable(model: str, why: str) -> ProviderUnavailable:
    host = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    return ProviderUnavailable(
        f"faster-whisper: the model {model!r} is not on this machine and cannot be downloaded from {host}: {why}; "
        "check the network and try again (it goes on where it stopped), or give the directory of a model instead"
    )
