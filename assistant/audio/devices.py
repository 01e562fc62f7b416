"""Sound devices by name, and the sentences for what can be wrong with them. PortAudio is loaded when first asked."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Literal

from assistant.errors import ParleyError

Direction = Literal["input", "output"]

_WHAT = {"input": "microphone", "output": "loudspeaker"}
_FLAG = {"input": "--mic", "output": "--speaker"}


class NoDevice(ParleyError):
    """There is no such sound device, or none at all."""

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        """``exit_code``: 1 where the machine has no sound hardware, 2 where a name is wrong or a device refuses."""
        super().__init__(message)
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

    def has(self, direction: Direction) -> bool:
        return bool(self.inputs if direction == "input" else self.outputs)

    def is_default(self, direction: Direction) -> bool:
        return self.default_input if direction == "input" else self.default_output


def portaudio() -> Any:
    """The sounddevice module. Raises NoDevice where it or PortAudio itself is missing. Blocks for some 100 ms."""
    try:
        return import_module("sounddevice")
    except ImportError:
        raise NoDevice(
            "sound devices need the package sounddevice; install it with: pip install sounddevice", exit_code=1
        ) from None
    except OSError:
        how = "sudo apt-get install libportaudio2" if sys.platform == "linux" else "pip install --force sounddevice"
        raise NoDevice(f"sound devices need the PortAudio library; install it with: {how}", exit_code=1) from None
    except Exception as error:  # PortAudioError, a class that only the module that failed could name
        raise NoDevice(
            f"the sound system does not start ({error}); see that it runs, or use files", exit_code=1
        ) from None


def list_devices() -> list[Device]:
    """All devices, in PortAudio's order. Raises NoDevice where there is no PortAudio. Blocks."""
    sd = portaudio()
    interfaces = [api["name"] for api in sd.query_hostapis()]
    inputs, outputs = sd.default.device
    return [
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


def find(devices: list[Device], name: str, direction: Direction) -> Device:
    """The device that ``name`` means: its number, its name, or a part of it; "" is the default.

    Raises NoDevice with a sentence.
    """
    able = [device for device in devices if device.has(direction)]
    what = _WHAT[direction]
    if not able:
        raise NoDevice(
            f"there is no {what}: connect one, or give a file with {_FLAG[direction]} FILE.wav "
            "(a whole conversation without sound hardware: parley demo)",
            exit_code=1,
        )
    if not name:
        return next((device for device in able if device.is_default(direction)), able[0])
    wanted = name.casefold()
    for matches in (
        [device for device in able if wanted == str(device.index)],
        [device for device in able if wanted == device.name.casefold()],
        [device for device in able if wanted in device.name.casefold()],
    ):
        if matches:
            return next((device for device in matches if device.is_default(direction)), matches[0])
    names = list(dict.fromkeys(device.name for device in able))
    near = get_close_matches(name, names, n=3, cutoff=0.4) or names[:5]
    raise NoDevice(
        f"there is no {what} called {name!r}; there is {', '.join(map(repr, near))} (parley devices lists all)"
    )


def refusal(direction: Direction, name: str, error: Exception) -> NoDevice:
    """The sentence for a device that is there and cannot be opened."""
    what, told = _WHAT[direction], str(error)
    if any(word in told.lower() for word in ("permission", "denied", "-13", "unauthorized")):
        advice = {
            "darwin": "allow it for your terminal in System Settings, Privacy & Security, Microphone",
            "win32": "allow it in Settings, Privacy, Microphone",
        }.get(sys.platform, "put yourself into the group audio, and see that the sound server runs as you")
        return NoDevice(f"the system does not let Parley use the {what} {name!r}; {advice}")
    if any(word in told.lower() for word in ("unavailable", "busy", "-16", "in use", "-9985")):
        return NoDevice(f"the {what} {name!r} is in use by another program alone; close that, or choose another device")
    return NoDevice(f"the {what} {name!r} cannot be opened ({told}); try another one (parley devices lists all)")
