"""Why the same microphone is listed several times, and which of its names to take. Pure."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.audio.devices import Device

Kind = Literal["default", "endpoint", "server", "device", "hardware", "alias", "converter", "older"]


@dataclass(frozen=True)
class Group:
    """Devices of one kind, for one sentence."""

    kind: Kind
    devices: tuple[Device, ...]


EXPLAINED: dict[Kind, tuple[str, str]] = {
    "default": ("The system's default", "the right one in most cases: it goes where the sound settings send it"),
    "endpoint": ("Devices of the sound server", "take one of these to be independent of the sound settings"),
    "device": ("Devices", "the system shares them between programs"),
    "server": ("The sound server", "the same sound as the default, by the server's own name"),
    "hardware": (
        "The hardware itself (hw)",
        "the same devices past the sound server: only while no other program uses them, and none can meanwhile",
    ),
    "alias": ("Other names of the same hardware", "ALSA's ways to the same sockets; no reason to take one"),
    "converter": ("Converters", "not devices: they lead to the default through a conversion"),
    "older": (
        "The same devices through other interfaces",
        "for hardware that does not work otherwise; names may be cut short",
    ),
}
"""Title and explanation of each kind, in the order in which a person should look at them."""

_SERVERS = {"pulse", "pipewire", "jack"}
_CONVERTERS = {
    "samplerate", "speexrate", "speex", "lavrate", "upmix", "vdownmix", "a52", "oss", "null", "dsp0", "arcam_av",
}  # fmt: skip
_ALIASES = re.compile(
    r"sysdefault|front|rear|center_lfe|side|surround\d+|iec958|spdif|hdmi|dmix|dsnoop|dshare|modem|phoneline|usbstream"
)
_HARDWARE = re.compile(r"\((plug)?hw:[^)]*\)|^(plug)?hw:")
_PREFERRED = {"Windows WASAPI", "Core Audio"}
_WINDOWS = {"MME", "Windows DirectSound", "Windows WDM-KS"}


def kind_of(device: Device, *, platform: str = sys.platform) -> Kind:
    """What sort of name ``device`` has."""
    if device.target:
        return "endpoint"
    word = device.name.casefold()
    if device.interface == "ALSA":
        if word == "default":
            return "default"
        if word in _SERVERS:
            return "server"
        if _HARDWARE.search(word):
            return "hardware"
        if word in _CONVERTERS:
            return "converter"
        return "alias" if _ALIASES.fullmatch(word.partition(":")[0]) else "device"
    if device.interface in _WINDOWS:
        return "older"
    if device.interface in _PREFERRED or platform != "linux":
        return "device"
    return "server" if device.interface.startswith("JACK") else "hardware"


def grouped(devices: Sequence[Device], *, platform: str = sys.platform) -> list[Group]:
    """By kind, in the order of EXPLAINED; within a kind the system's default first."""
    groups = []
    for kind in EXPLAINED:
        found = [device for device in devices if kind_of(device, platform=platform) == kind]
        if found:
            groups.append(Group(kind, tuple(found)))
    return groups
