"""The enrolled voices: one small file each in the platform's data directory, and no sound.

``voices/NAME.json`` holds a version, which provider and model made the numbers, and the numbers. What they tell about
a person is nobody else's business, so that only the user may read folder and files. A file is replaced as a whole.
"""

from __future__ import annotations

import errno
import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assistant.errors import ParleyError
from assistant.kept import keep

VERSION = 1
_NAME = re.compile(r"\w[\w-]{0,39}")


@dataclass(frozen=True, slots=True)
class Voiceprint:
    name: str
    provider: str
    """As `parley enroll --provider` takes it: NAME or NAME:MODEL."""
    model: str
    """What made the numbers, as the provider says (`assistant.ports.SpeakerId`)."""
    vector: tuple[float, ...]
    """Of length 1."""
    seconds: float
    """Of speech that it was learned from."""
    learned: str
    """The day, ISO 8601."""


def folder() -> Path:
    """Where programs keep what belongs to the user, on this platform."""
    import platformdirs  # only those pay for it who need it

    return platformdirs.user_data_path("parley", appauthor=False) / "voices"


def checked(name: str) -> str:
    """``name`` as it is filed. Raises ParleyError for one that cannot be a file's name everywhere."""
    if not _NAME.fullmatch(name) or name.lower() == "off":  # which is what the config calls no gate
        raise ParleyError(
            f"{name!r} cannot be the name of a voice; use up to 40 letters, digits, - and _, and not 'off'"
        )
    return name.lower()


class Voiceprints:
    """The folder. Every method raises ParleyError where the disk says no."""

    def __init__(self, place: Path | None = None) -> None:
        self.place = place or folder()

    def names(self) -> list[str]:
        try:
            return sorted(path.stem for path in self.place.glob("*.json"))
        except OSError as error:
            raise ParleyError(f"{self.place} cannot be read ({error.strerror}); check its permissions") from None

    def load(self, name: str) -> Voiceprint:
        name = checked(name)
        path = self._path(name)
        try:
            return _understood(json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            known = ", ".join(self.names())
            there = f"there are: {known}" if known else "there is none yet"
            raise ParleyError(f"no voice is called {name!r} ({there}); learn it with: parley enroll {name}") from None
        except OSError as error:
            raise ParleyError(f"{path} cannot be read ({error.strerror}); check its permissions") from None
        except _Later:
            raise ParleyError(f"{path} is of a later version of Parley; learn it anew: parley enroll {name}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ParleyError(f"{path} is damaged; learn the voice anew with: parley enroll {name}") from None

    def save(self, voice: Voiceprint) -> Path:
        """Returns where."""
        path = self._path(checked(voice.name))
        try:
            self.place.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.place.chmod(0o700)
            keep(path, {"version": VERSION, **asdict(voice)})
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                mend = "make room there"
            elif path.is_dir():
                mend = f"{path.name} is a folder there: move it away"
            else:
                mend = "check its permissions"
            raise ParleyError(f"the voice cannot be kept in {self.place} ({error.strerror}); {mend}") from None
        return path

    def forget(self, name: str) -> None:
        name = checked(name)
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            raise ParleyError(f"no voice is called {name!r}; see them with: parley enroll --list") from None
        except OSError as error:
            raise ParleyError(f"{self._path(name)} cannot be deleted ({error.strerror})") from None

    def _path(self, name: str) -> Path:
        return self.place / f"{name}.json"


class _Later(Exception):  # noqa: N818 - it is told in other words
    pass


def _understood(stored: Any) -> Voiceprint:
    """Raises ValueError, KeyError, TypeError or AttributeError for anything but a voice, _Later for a newer one."""
    version = stored["version"]
    if not isinstance(version, int):
        raise ValueError
    if version > VERSION:
        raise _Later
    vector = tuple(float(value) for value in stored["vector"])
    length = math.sqrt(sum(value * value for value in vector))
    if not abs(length - 1.0) < 0.01:  # not a number, as well
        raise ValueError
    texts = [stored[key] for key in ("name", "provider", "model", "learned")]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError
    name, provider, model, learned = texts
    return Voiceprint(name, provider, model, vector, float(stored["seconds"]), learned)
