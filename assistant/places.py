"""Where sound comes from and goes to, as it is named on the command line and in the config."""

from __future__ import annotations

from pathlib import Path

from assistant.errors import ParleyError

Place = Path | str | None
"""A WAV file; a sound device by its name ("": the default one); or none: silence, and sound that nobody hears."""

OTHER_FILES = (".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".wma", ".webm", ".mp4")


def place(name: str, flag: str) -> Path | str:
    """What ``name`` stands for, given with ``flag``. Raises ParleyError for a file that is no WAV file."""
    suffix = Path(name).suffix.lower()
    if suffix == ".wav":
        return Path(name)
    if suffix in OTHER_FILES:
        raise ParleyError(f"{flag} {name}: only WAV files can be heard and written in real time; make it a .wav file")
    return name
