"""Sound devices by name, and the sentences for what can be wrong with them. PortAudio is loaded when first asked."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from assistant.audio.quiet import possible, quiet
from assistant.audio.server import ServerState
from assistant.errors import ParleyError

Direction = Literal["input", "output"]

_WHAT = {"input": "microphone", "output": "loudspeaker"}
_FLAG = {"input": "--mic", "output": "--speaker"}


class NoDevice(ParleyError):
    """There is no such sound device, or none at all."""

    def __init__(self, message: str, *, exit_code: int = 2, besides: str = "") -> None:
        """``exit_code``: 1 where the machine has no sound hardware, 2 where a name is wrong or a device refuses.

        ``besides``: what else can be done, at the end of the sentence.
        """
        super().__init__(f"{message} ({besides})" if besides else message)
        self.message = message
        """Without ``besides``, for whoever does just that."""
        self.exit_code = exit_code


@dataclass(frozen=True)
class Device:
    """One device as PortAudio lists it; the same hardware may be listed by several interfaces."""

    index: int
    name: str
    interface: str
    """ALSA, JACK Audio Connection Kit, Core Audio, Windows WASAPI, ..."""
    inputs: int
    """Channels."""
    outputs: int
    rate: float
    """Hz that it prefers."""
    default_input: bool
    default_output: bool
    target: str = ""
    """Of a device that only the sound server knows: its name there. PortAudio opens the server's own (``index``)."""

    def has(self, direction: Direction) -> bool:
        return bool(self.inputs if direction == "input" else self.outputs)

    def is_default(self, direction: Direction) -> bool:
        return self.default_input if direction == "input" else self.default_output


def portaudio() -> Any:
    """The sounddevice module. Raises NoDevice where it or PortAudio itself is missing. Blocks for some 100 ms."""
    try:
        with quiet():
            if "sounddevice" not in sys.modules:
                _require_alsa_devices()
            return import_module("sounddevice")
    except ImportError:
        raise NoDevice(
            "sound devices need the package sounddevice; install it with: pip install sounddevice", exit_code=1
        ) from None
    except OSError:
        how = "sudo apt-get install libportaudio2" if sys.platform == "linux" else "pip install --force sounddevice"
        raise NoDevice(f"sound devices need the PortAudio library; install it with: {how}", exit_code=1) from None
    except NoDevice:
        raise
    except Exception as error:  # PortAudioError, a class that only the module that failed could name
        raise NoDevice(
            f"the sound system does not start ({error}); see that it runs, or use files", exit_code=1
        ) from None


def rescan() -> None:
    """Have PortAudio look for devices anew; it knows those of its start. All streams must be closed. Blocks for some
    100 ms. Raises NoDevice."""
    sd = portaudio()
    with quiet():
        with suppress(sd.PortAudioError):
            sd._terminate()
        _require_alsa_devices()
        try:
            if possible():  # what sounddevice does besides, to point stderr elsewhere, would swallow our own words
                sd._check(sd._lib.Pa_Initialize(), "the sound system does not start")
                sd._initialized += 1
            else:
                sd._initialize()
        except sd.PortAudioError as error:
            raise NoDevice(str(error), exit_code=1) from None


def _require_alsa_devices() -> None:
    """PortAudio aborts the whole process where ALSA's configuration defines no device at all. Raises NoDevice."""
    if sys.platform != "linux":
        return
    try:
        alsa = ctypes.CDLL("libasound.so.2")
    except OSError:
        return  # PortAudio will say what it lacks
    found = ctypes.c_void_p()
    if alsa.snd_config_update() < 0 or (
        alsa.snd_config_search(ctypes.c_void_p.in_dll(alsa, "snd_config"), b"pcm", ctypes.byref(found)) < 0
    ):
        raise NoDevice("ALSA's configuration defines no sound device (ALSA_CONFIG_PATH, ~/.asoundrc)", exit_code=1)


def list_devices(server: ServerState | None = None) -> list[Device]:
    """All devices, in PortAudio's order, then those that only the sound server knows.

    Raises NoDevice where there is no PortAudio. Blocks.
    """
    sd = portaudio()
    interfaces = [api["name"] for api in sd.query_hostapis()]
    inputs, outputs = sd.default.device
    devices = [
        Device(
            index=device["index"],
            name=device["name"],
            interface=interfaces[device["hostapi"]],
            inputs=device["max_input_channels"],
            outputs=device["max_output_channels"],
            rate=device["default_samplerate"],
            default_input=device["index"] == inputs,
            default_output=device["index"] == outputs,
        )
        for device in sd.query_devices()
    ]
    return devices + (_of_the_server(server, devices) if server is not None else [])


def _of_the_server(server: ServerState, devices: list[Device]) -> list[Device]:
    doors = {device.name: device for device in reversed(devices) if device.interface == "ALSA"}
    door = doors.get("pulse") or doors.get("default")
    if door is None:
        return []
    return [
        Device(
            index=door.index,
            name=endpoint.description,
            interface=server.server,
            inputs=int(endpoint.direction == "input"),
            outputs=int(endpoint.direction == "output"),
            rate=door.rate,
            default_input=False,
            default_output=False,
            target=endpoint.name,
        )
        for endpoint in server.endpoints
        if not endpoint.monitor
    ]


def find(devices: list[Device], name: str, direction: Direction, *, any_will_do: bool = False) -> Device:
    """The device that ``name`` means: its number, its name, or a part of it; "" is the default.

    ``any_will_do``: where the system names no default, the first. Raises NoDevice with a sentence.
    """
    able = [device for device in devices if device.has(direction)]
    what, flag = _WHAT[direction], _FLAG[direction]
    if not able:
        raise NoDevice(
            f"there is no {what} on this machine; connect one, or use a file: {flag} FILE.wav",
            exit_code=1,
            besides="a whole conversation without sound hardware: parley demo",
        )
    names = list(dict.fromkeys(device.name for device in able))
    if not name:
        default = next((device for device in able if device.is_default(direction)), None)
        if default is None and not any_will_do:
            raise NoDevice(f"the system names no default {what}; choose one: {flag} {_quoted(names[:5])}")
        return default or able[0]
    wanted = name.casefold()
    for matches in (
        [device for device in able if wanted == str(device.index) and not device.target],
        [device for device in able if wanted in (device.name.casefold(), device.target.casefold())],
        [device for device in able if wanted in device.name.casefold()],
    ):
        if matches:
            return next((device for device in matches if device.is_default(direction)), matches[0])
    near = get_close_matches(name, names, n=3, cutoff=0.4) or names[:5]
    raise NoDevice(f"there is no {what} called {name!r}; there is {_quoted(near)} (parley devices lists all)")


def _quoted(names: list[str]) -> str:
    return ", ".join(map(repr, names))


_UNAVAILABLE = -9985
"""PortAudio's paDeviceUnavailable: ALSA says EBUSY, WASAPI that somebody uses it exclusively."""
_BAD_COMBINATION = -9993
"""paBadIODeviceCombination: for ALSA any other failure to open, a refused permission and a dead server included."""


def refusal(direction: Direction, name: str, error: Exception) -> NoDevice:
    """The sentence for a device that is there and cannot be opened."""
    what, told, code = _WHAT[direction], str(error), _code(error)
    if _says(told, "permission", "denied", "error -13]", "unauthorized", "0x80070005") or (
        code == _BAD_COMBINATION and not may_use_alsa()
    ):
        advice = {
            "darwin": "allow it for your terminal in System Settings, Privacy & Security, Microphone",
            "win32": "allow it in Settings, Privacy, Microphone",
        }.get(sys.platform, "put yourself into the group audio, and see that the sound server runs as you")
        return NoDevice(f"the system does not let Parley use the {what} {name!r}; {advice}")
    if code == _UNAVAILABLE or _says(told, "unavailable", "busy", "error -16]", "in use"):
        return NoDevice(f"the {what} {name!r} is in use by another program alone; close that, or choose another device")
    if code == _BAD_COMBINATION and sys.platform == "linux":
        return NoDevice(
            f"the {what} {name!r} does not answer; see that its sound server runs and that it is connected, or choose "
            "another one (parley devices lists all)"
        )
    return NoDevice(f"the {what} {name!r} cannot be opened ({told}); try another one (parley devices lists all)")


def _code(error: Exception) -> int | None:
    """PortAudio's number for it."""
    return error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else None


def _says(told: str, *words: str) -> bool:
    return any(word in told.lower() for word in words)


def may_use_alsa(folder: Path = Path("/dev/snd")) -> bool:
    """The system's own sound devices, if there are any, may be opened by this user. PortAudio does not tell."""
    nodes = list(folder.glob("pcm*")) if folder.is_dir() else []
    return not nodes or any(os.access(node, os.R_OK | os.W_OK) for node in nodes)
