"""libespeak-ng through ctypes: what Parley uses of its C interface (``speak_lib.h`` of espeak-ng 1.52).

One process, one thread: the library keeps all its state in globals.
"""

from __future__ import annotations

import atexit
import ctypes
import shutil
import tempfile
from pathlib import Path

from assistant.ports import ProviderUnavailable
from providers.registry import importable

NAME = "espeak-ng"
RATE = 22_050
"""Hz, fixed in the library."""
LIST_END, WORD, END, PHONEME = 0, 1, 5, 7
"""Kinds of events."""
PHONEME_EVENTS = 1
"""A flag of ``load``: phoneme events, too."""
PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3}

_SYNCHRONOUS = 2  # sound goes to the callback, and only there
_BUFFER_MS = 40
_DONT_EXIT = 0x8000  # an error at initialising is returned; otherwise it ends the process
_BY_CHARACTER = 1
_UTF8 = 1  # and neither SSML (0x10) nor phonemes (0x100): markup is read out, it commands nothing
_LONGEST_PATH = 140
"""Characters. A longer data path overflows or is cut in the library's buffer (160 bytes on most platforms)."""


class Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),  # ms
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", Id),
    ]


class Voice(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.POINTER(ctypes.c_char)),  # see `languages`
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    ]


Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event)
)  # 0: go on, 1: end
_loaded: ctypes.CDLL | None = None


def load(flags: int = 0) -> ctypes.CDLL:
    """The library, initialised once for the life of the process. Raises ProviderUnavailable."""
    global _loaded
    if _loaded is not None:
        return _loaded
    loader = importable("espeakng_loader", provider=NAME, extra="espeak")
    try:
        library = ctypes.CDLL(loader.get_library_path())
    except OSError as error:
        raise ProviderUnavailable(
            f"{NAME}: its library cannot be loaded ({error}); reinstall the package espeakng-loader"
        ) from error
    library.espeak_Synth.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p,
        ctypes.c_void_p,
    ]  # fmt: skip
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(Voice))
    data = Path(loader.get_data_path())
    if len(str(data)) > _LONGEST_PATH:
        link = Path(tempfile.mkdtemp(prefix="parley-")) / data.name
        atexit.register(shutil.rmtree, link.parent, ignore_errors=True)
        link.symlink_to(data)
        data = link
    if library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, str(data).encode(), _DONT_EXIT | flags) != RATE:
        raise ProviderUnavailable(f"{NAME}: its data in {data} cannot be used; reinstall the package espeakng-loader")
    _loaded = library
    return library


def languages(voice: Voice) -> list[tuple[int, str]]:
    """The codes that it goes by, its own first, each with its rank: the lower, the better the voice for that code."""
    found, at = [], 0
    address = ctypes.addressof(voice.languages.contents)
    while entry := ctypes.string_at(address + at):  # a byte of rank, the code, a zero; and an empty one at the end
        found.append((entry[0], entry[1:].decode()))
        at += len(entry) + 1
    return found


def synthesize(text: bytes) -> None:
    """Speak UTF-8 text; returns when the callback has been handed the last of its sound, or has returned 1."""
    load().espeak_Synth(text, len(text) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
