"""Sound devices by name, the sentences for what is wrong with them, what their callbacks count. No device is used."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import numpy as np
import pytest

from assistant.audio import devices as module
from assistant.audio import quiet as quiet_module
from assistant.audio.capture import Capture
from assistant.audio.devices import Device, NoDevice, find, may_use_alsa, refusal
from assistant.audio.doubles import EXPLAINED, grouped, kind_of
from assistant.audio.playback import PLAYBACK_RATE, Playback
from assistant.audio.quiet import possible, quiet
from assistant.audio.server import understand
from assistant.audio.soundcheck import BURSTS, EVERY, QUIET, Check, burst, verdicts
from assistant.audio.soundcheck import understand as understand_recording
from assistant.audio.stream import Stream
from assistant.audio.worker import Worker
from assistant.ports import CAPTURE_RATE, FRAME


def device(index: int, name: str, *, inputs: int = 2, outputs: int = 2, interface: str = "ALSA") -> Device:
    return Device(index, name, interface, inputs, outputs, 48_000.0, False, False)


CARD = device(0, "HDA Intel PCH: ALC257 Analog (hw:0,0)")
USB = device(1, "USB Audio: Headset (hw:1,0)")
HDMI = device(2, "hdmi", inputs=0)
DEFAULT = replace(device(3, "default"), default_input=True, default_output=True)
SERVERS = replace(device(3, "USB Headset"), target="alsa_output.usb")
ALL = [CARD, USB, HDMI, DEFAULT, SERVERS]


@pytest.mark.parametrize(
    ("name", "found"),
    [("", DEFAULT), ("default", DEFAULT), ("1", USB), ("3", DEFAULT), ("usb audio", USB), ("HEADSET", USB),
     ("usb headset", SERVERS), ("alsa_output.usb", SERVERS), ("alc257", CARD), ("a", DEFAULT)],
)  # fmt: skip
def test_a_device_is_meant_by_number_name_or_a_part_of_it(name: str, found: Device) -> None:
    assert find(ALL, name, "input") is found


def test_a_device_that_cannot_do_it_is_not_meant() -> None:
    with pytest.raises(NoDevice, match="no microphone called 'hdmi'"):
        find(ALL, "hdmi", "input")
    assert find(ALL, "hdmi", "output") is HDMI


def test_a_wrong_name_gets_the_nearest_ones() -> None:
    with pytest.raises(NoDevice) as raised:
        find(ALL, "USB Headsets", "output")
    assert (
        raised.value.exit_code == 2 and "'USB Headset'" in str(raised.value) and "parley devices" in str(raised.value)
    )


def test_without_a_default_nothing_is_taken_silently_but_a_conversation_goes_on() -> None:
    with pytest.raises(NoDevice) as raised:
        find([CARD, USB], "", "input")
    assert "names no default microphone; choose one: --mic 'HDA Intel" in str(raised.value)
    assert raised.value.exit_code == 2
    assert find([CARD, USB], "", "input", any_will_do=True) is CARD


def test_a_machine_without_any_is_no_mistake_of_the_user_s() -> None:
    with pytest.raises(NoDevice) as raised:
        find([HDMI], "", "input")
    assert raised.value.exit_code == 1 and "--mic FILE.wav" in str(raised.value)


class PortAudioError(Exception):
    """As sounddevice's own, which needs PortAudio to be written out."""

    def __str__(self) -> str:
        text, code, *host = self.args
        told = f"{text} [PaErrorCode {code}]"
        return f"{told}: '{host[0][2]}' [ALSA error {host[0][1]}]" if host else told


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PortAudioError("Error opening InputStream: Device unavailable", -9985), "is in use by another program alone"),
        (
            PortAudioError(
                "Error starting stream: Unanticipated host error", -9999, (0, -16, "Device or resource busy")
            ),
            "is in use by another program alone",
        ),
        (
            PortAudioError("Error starting stream: Unanticipated host error", -9999, (0, -13, "Permission denied")),
            "does not let Parley use the microphone",
        ),
        (
            PortAudioError("Error opening InputStream: Illegal combination of I/O devices", -9993),
            "does not answer; see that its sound server runs",
        ),
        (PortAudioError("Error opening InputStream: Invalid device", -9996), "cannot be opened"),
        (PortAudioError("Error opening InputStream: Invalid sample rate", -9997), "cannot be opened"),
    ],
)
def test_every_refusal_has_its_sentence(error: Exception, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "may_use_alsa", lambda: True)
    monkeypatch.setattr(sys, "platform", "linux")
    refused = refusal("input", "default", error)
    assert words in str(refused) and "'default'" in str(refused) and refused.exit_code == 2
    assert "\n" not in str(refused)


@pytest.mark.parametrize(
    ("platform", "advice"), [("darwin", "Privacy & Security"), ("win32", "Settings, Privacy"), ("linux", "group audio")]
)
def test_a_refused_permission_says_where_to_grant_it(
    platform: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For ALSA PortAudio says the same as for a dead server: the device nodes tell."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(module, "may_use_alsa", lambda: False)
    assert advice in str(refusal("input", "hw:0", PortAudioError("Illegal combination of I/O devices", -9993)))


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_device_nodes_tell_whether_they_may_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert may_use_alsa(tmp_path / "none") and may_use_alsa(tmp_path)
    (tmp_path / "pcmC0D0p").touch()
    assert may_use_alsa(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may open everything
    assert not may_use_alsa(tmp_path)


# --- doubles ---


@pytest.mark.parametrize(
    ("name", "interface", "kind"),
    [
        ("default", "ALSA", "default"), ("pulse", "ALSA", "server"), ("pipewire", "ALSA", "server"),
        ("HDA Intel PCH: ALC257 Analog (hw:0,0)", "ALSA", "hardware"), ("hw:1,0", "ALSA", "hardware"),
        ("sysdefault", "ALSA", "alias"), ("surround51", "ALSA", "alias"), ("dmix", "ALSA", "alias"),
        ("front:CARD=PCH", "ALSA", "alias"), ("samplerate", "ALSA", "converter"), ("my_own", "ALSA", "device"),
        ("Headset", "JACK Audio Connection Kit", "server"), ("Headset", "Windows WASAPI", "device"),
        ("Headset", "MME", "older"), ("MacBook Pro Microphone", "Core Audio", "device"),
        ("/dev/dsp", "OSS", "hardware"),
    ],
)  # fmt: skip
def test_every_double_is_explained(name: str, interface: str, kind: str) -> None:
    assert kind_of(device(0, name, interface=interface), platform="linux") == kind
    assert kind in EXPLAINED


def test_what_to_take_comes_first() -> None:
    groups = grouped(ALL, platform="linux")
    assert [group.kind for group in groups] == ["default", "endpoint", "hardware", "alias"]
    assert sorted(d.name for group in groups for d in group.devices) == sorted(d.name for d in ALL)


# --- the sound server's word ---


def test_the_server_tells_where_the_streams_of_this_process_lead() -> None:
    listing = {
        "sinks": [
            {"index": 0, "name": "hdmi", "description": "HDMI", "ports": [], "active_port": None},
            {"index": 7, "name": "pch", "description": "Built-in Audio", "active_port": "hp",
             "ports": [{"name": "spk", "description": "Speakers"}, {"name": "hp", "description": "Headphones"}]},
        ],
        "sources": [
            {"index": 1, "name": "pch.monitor", "description": "Monitor of Built-in Audio"},
            {"index": 2, "name": "mic", "description": "Microphone"},
        ],
        "sink_inputs": [
            {"index": 3, "sink": 0, "properties": {"application.process.id": "41"}},
            {"index": 9, "sink": 7, "properties": {"application.process.id": "42"}},
            {"index": 4, "sink": 0, "properties": {"application.process.id": "42"}},
        ],
        "source_outputs": [{"index": 5, "source": 99, "properties": {"application.process.id": "42"}}],
    }  # fmt: skip
    info = {
        "default_sink_name": "pch",
        "default_source_name": "mic",
        "server_name": "pulseaudio",
        "server_version": "1",
    }
    state = understand(listing, info, 42)
    assert state.behind("output") == "Built-in Audio, Headphones" and state.streams["output"][0] == 9
    assert state.behind("input") == ""  # its source went away this very moment
    assert [(e.name, e.default, e.monitor) for e in state.endpoints] == [
        ("hdmi", False, False), ("pch", True, False), ("pch.monitor", False, True), ("mic", True, False),
    ]  # fmt: skip
    assert understand({}, {}, 1).behind("output") == ""


# --- callbacks ---

NOW = SimpleNamespace(currentTime=10.0, inputBufferAdcTime=9.95, outputBufferDacTime=10.02)
FINE = SimpleNamespace(input_overflow=False, output_underflow=False)


def test_captured_sound_that_finds_no_room_is_counted_as_lost() -> None:
    capture = Capture(lambda: None)
    stream = Stream("input", DEFAULT, CAPTURE_RATE)
    hear = capture.callback(stream)
    block = np.zeros((FRAME, 1), np.float32)
    for _ in range(10 * CAPTURE_RATE // FRAME):
        hear(block, FRAME, NOW, FINE)
    assert stream.lost == 0
    hear(block, FRAME, NOW, FINE)
    assert stream.lost == 1
    hear(block, FRAME, NOW, SimpleNamespace(input_overflow=True))
    assert stream.lost == 2


def test_a_device_that_says_it_ran_dry_is_believed_only_while_there_was_sound() -> None:
    playback = Playback()
    stream = Stream("output", DEFAULT, PLAYBACK_RATE)
    speak = playback.callback(stream)
    data = np.full((240, 2), np.nan, np.float32)
    dry = SimpleNamespace(output_underflow=True)
    speak(data, 240, NOW, dry)
    assert stream.lost == 0 and not data.any()
    playback.handover.write(np.ones(1000, np.float32), first=True)
    speak(data, 240, NOW, dry)
    assert stream.lost == 1 and (data == 1.0).all()


def test_a_callback_that_comes_after_all_it_had_must_have_sounded_means_it_ran_dry() -> None:
    playback = Playback()
    stream = Stream("output", DEFAULT, PLAYBACK_RATE)
    stream.latency = 0.0
    speak = playback.callback(stream)
    playback.handover.write(np.ones(10_000, np.float32), first=True)
    data = np.empty((240, 1), np.float32)
    soon = SimpleNamespace(currentTime=10.0, outputBufferDacTime=10.001)
    speak(data, 240, soon, FINE)
    anyio.run(anyio.sleep, 0.05)
    speak(data, 240, soon, FINE)
    assert stream.lost == 1


def test_a_defect_in_a_callback_is_silence_and_is_remembered() -> None:
    stream = Stream("output", DEFAULT, PLAYBACK_RATE)

    def defective(*_: Any) -> None:
        raise ZeroDivisionError

    data = np.ones((10, 1), np.float32)
    stream._guarded(defective)(data, 10, NOW, FINE)
    assert not data.any() and isinstance(stream.failure, ZeroDivisionError)


def test_a_stream_that_is_closed_takes_no_more_sound() -> None:
    playback = Playback()
    stream = Stream("output", DEFAULT, PLAYBACK_RATE)
    callback = stream._guarded(playback.callback(stream))
    playback.handover.write(np.ones(1000, np.float32), first=True)
    stream.close(SimpleNamespace(PortAudioError=Exception))
    data = np.ones((240, 1), np.float32)
    callback(data, 240, NOW, FINE)
    assert not data.any() and playback.handover.handed[0] == 0


def test_without_a_loudspeaker_sound_is_played_to_nobody_in_real_time() -> None:
    playback = Playback()
    playback.discard(100.0)
    playback.handover.write(np.ones(2400, np.float32), first=True)
    playback.discard(100.05)
    assert playback.heard(100.05) == 1200
    playback.discard(101.0)
    assert playback.heard(101.0) == 2400
    assert playback.sounds_at(600) == pytest.approx(100.025)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_captured_sound_of_any_rate_is_frames_on_the_clock(rate: int) -> None:
    capture = Capture(lambda: None)
    capture.start(0.0)
    stream = Stream("input", DEFAULT, rate)
    hear = capture.callback(stream)
    sine = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    size = FRAME * rate // CAPTURE_RATE
    frames = []
    for block in range(len(sine) // size):
        hear(sine[block * size : (block + 1) * size, None], size, NOW, FINE)
        capture._arrival = (block + 1) * size / rate
        while (frame := capture.next(capture._arrival, dead=False)) is not None:
            frames.append(frame)
    assert [frame.start for frame in frames] == list(range(0, FRAME * len(frames), FRAME)) and len(frames) >= 30
    sound = np.concatenate([frame.samples for frame in frames])[1000:-1000]
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(np.sqrt(0.5), rel=0.01)


def test_a_late_burst_is_waited_for_and_a_real_gap_is_silence() -> None:
    def frames(capture: Capture, now: float) -> list[float]:
        values = []
        while (frame := capture.next(now, dead=False)) is not None:
            values.append(float(frame.samples.max()))
        return values

    def heard(count: int) -> tuple[Capture, Any]:
        capture = Capture(lambda: None)
        capture.start(0.0)
        hear = capture.callback(Stream("input", DEFAULT, CAPTURE_RATE))
        return capture, lambda at: [
            hear(np.ones((FRAME, 1), np.float32), FRAME, NOW, FINE) or setattr(capture, "_arrival", at)
            for _ in range(count)
        ]

    capture, burst_of_all = heard(31)  # a second of sound, all of it a second late
    burst_of_all(1.0)
    assert frames(capture, 1.0) == [1.0] * 31
    capture, one_block = heard(1)
    one_block(1.0)  # only the last block of that second
    assert frames(capture, 1.0) == []
    assert frames(capture, 1.11) == [0.0] * 30 + [1.0]


# --- what surrounds them ---


@pytest.mark.skipif(not possible(), reason="needs the GNU C library")
def test_c_libraries_are_silent_and_python_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    def c_writes(text: bytes) -> None:
        process = ctypes.CDLL(None)
        stream = ctypes.c_void_p.in_dll(process, "stderr")
        process.fputs(text, stream)
        process.fflush(stream)

    c_writes(b"before\n")
    with quiet(), quiet():
        c_writes(b"ALSA lib: noise\n")
        print("Python", file=sys.stderr, flush=True)
    c_writes(b"after\n")
    assert capfd.readouterr().err == "before\nPython\nafter\n"
    assert quiet_module._depth == 0


@pytest.mark.anyio
async def test_calls_run_one_after_another_and_one_that_is_given_up_is_left_out() -> None:
    worker = Worker()
    done: list[str] = []
    try:
        assert await worker.call(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await worker.call(lambda: 1 // 0)
        import threading

        release = threading.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(worker.call, release.wait)
            await anyio.lowlevel.checkpoint()
            with anyio.move_on_after(0.05):
                await worker.call(lambda: done.append("given up"))
            release.set()
        await worker.call(lambda: done.append("after"))
        assert done == ["after"]
    finally:
        worker.end()


# --- the test sound ---


def recording(*, level: float = 0.1, late: float = 0.08, noise: float = 0.001, bursts: int = BURSTS) -> np.ndarray:
    sound = np.random.default_rng(3).standard_normal(round(6 * CAPTURE_RATE)).astype(np.float32) * np.float32(noise)
    for number in range(bursts):
        start = round((QUIET + number * EVERY + late) * CAPTURE_RATE)
        sound[start : start + len(burst(CAPTURE_RATE))] += np.float32(level) * burst(CAPTURE_RATE)
    return sound


PLAYED = [QUIET + number * EVERY for number in range(BURSTS)]


def told(sound: np.ndarray, *, played: list[float] = PLAYED, underruns: int = 0) -> str:
    names = {"input": "a", "output": "b"}
    check = Check(names, understand_recording(sound, played), {}, underruns, 0, None, bursts=len(played))
    return " ".join(verdicts(check))


def test_the_round_trip_is_found_to_the_sample() -> None:
    hearing = understand_recording(recording(late=0.0801), PLAYED)
    assert hearing.heard == BURSTS and not hearing.dead
    assert hearing.round_trip == pytest.approx(0.0801, abs=1 / CAPTURE_RATE)
    assert hearing.spread == pytest.approx(0.0, abs=1 / CAPTURE_RATE)
    assert hearing.noise_dbfs == pytest.approx(-60, abs=0.5)


def test_a_loudspeaker_wired_the_wrong_way_round_is_heard() -> None:
    assert understand_recording(recording(level=-0.1), PLAYED).heard == BURSTS


@pytest.mark.parametrize(("noise", "late"), [(0.001, 0.0), (0.1, 0.0)])
def test_noise_alone_is_not_taken_for_the_test_sound(noise: float, late: float) -> None:
    assert understand_recording(recording(level=0.0, noise=noise), PLAYED).heard == 0


def test_every_finding_has_its_sentence() -> None:
    assert told(recording()) == "Microphone and loudspeaker work."
    assert "gives nothing, not even noise" in told(np.zeros(6 * CAPTURE_RATE, np.float32))
    assert "overdriven" in told(np.clip(recording(level=9.0), -1, 1))
    assert "noisy" in told(recording(noise=0.02))
    assert "not heard by the microphone" in told(recording(level=0.0))
    assert "hardly heard" in told(recording(level=0.005, noise=0.0002))
    assert "ran dry 3 times" in told(recording(), underruns=3)
    assert told(recording(level=0.0), played=[]) == "The microphone works."
