"""Bad input: one clear sentence on standard error, the right exit code, nothing on standard output."""

from __future__ import annotations

import os
import struct
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from .talking import Outcome, drawn, one_sentence, read_wav, run, scripted, side_by_side, talk_arguments, write_wav

ALL_SCRIPTED = ("--stt", "scripted", "--llm", "scripted", "--tts", "scripted")


@dataclass(frozen=True)
class Mistake:
    arguments: tuple[str, ...]
    says: tuple[str, ...]
    """Parts of the sentence: what is wrong, and what to do."""
    config: str = scripted()
    code: int = 2
    files: Callable[[Path], object] = lambda folder: None
    """Makes what the mistake needs in the folder that the command runs in."""
    mic: bool = True
    """There is a sound microphone file."""


def wav_of(name: str, *, channels: int = 1, seconds: float = 0.1) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        with wave.open(str(folder / name), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(bytes(2 * channels * round(16_000 * seconds)))

    return write


def alaw(folder: Path) -> None:
    form = struct.pack("<HHIIHH", 6, 1, 8000, 8000, 1, 8)
    body = b"WAVE" + b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", 800) + bytes(800)
    (folder / "alaw.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def microphone(name: str, *says: str, files: Callable[[Path], object] = lambda folder: None) -> Mistake:
    return Mistake(("--mic", name), (name, *says), files=files, mic=False)


def configured(config: str, *says: str) -> Mistake:
    return Mistake((), says, config=config)


MISTAKES = {
    # the microphone
    "no such file": microphone("none.wav", "there is no sound file", "check the path"),
    "a folder": microphone("a.wav", "is a folder", files=lambda folder: (folder / "a.wav").mkdir()),
    "unreadable": microphone(
        "mem.wav", "cannot be read", files=lambda folder: (folder / "mem.wav").symlink_to("/proc/self/mem")
    ),
    "a named pipe": microphone("pipe.wav", "pipe or a device", files=lambda folder: os.mkfifo(folder / "pipe.wav")),
    "empty": microphone("empty.wav", "is empty", files=lambda folder: (folder / "empty.wav").touch()),
    "text": microphone(
        "text.wav", "is not a WAV file", "ffmpeg", files=lambda folder: (folder / "text.wav").write_text("hello" * 99)
    ),
    "cut off in its header": microphone(
        "cut.wav",
        "broken WAV file",
        files=lambda folder: (folder / "cut.wav").write_bytes(
            (write_wav(folder / "whole.wav", drawn([], 0.1))).read_bytes()[:30]
        ),
    ),
    "three channels": microphone("three.wav", "has 3 channels", "one or two", files=wav_of("three.wav", channels=3)),
    "A-law": microphone("alaw.wav", "A-law", "convert it", files=alaw),
    "no WAV name": microphone("sound.mp3", "only WAV files"),
    # the loudspeaker
    "speaker in a missing folder": Mistake(("--speaker", "none/out.wav"), ("there is no folder", "create it")),
    "speaker is a folder": Mistake(
        ("--speaker", "a.wav"), ("cannot be written",), files=lambda folder: (folder / "a.wav").mkdir()
    ),
    "speaker in a system folder": Mistake(("--speaker", "/proc/out.wav"), ("cannot be written", "another place")),
    # the config
    "a typo in a key": configured(
        scripted(turn="silence_m = 300"), "config.toml, line 5", "unknown key turn.silence_m", '"silence_ms"'
    ),
    "a typo in a table": configured(scripted(more="[trun]\nsilence_ms = 300"), "unknown table [trun]", '"turn"'),
    "a wrong type": configured(scripted(turn='silence_ms = "soon"'), "line 5", "turn.silence_ms", "whole number"),
    "out of range": configured(scripted(turn="silence_ms = -1"), "turn.silence_ms = -1", "from 0 to"),
    "a wrong value": configured(scripted(turn='barge_in = "maybe"'), "turn.barge_in", "off, speech, words"),
    "no TOML": configured("[turn\n", "line 1", "not valid TOML"),
    "an unknown provider": configured(scripted().replace('"scripted"', '"wisper"'), "wisper", "faster-whisper"),
    "an unknown prompt": configured(scripted(more='[assistant]\nprompt = "poet"'), '"poet"', "default"),
    "an unknown option": configured(scripted(llm="tfft = 1.0"), "scripted llm", "tfft"),
    "no such config": Mistake(("--config", "none.toml"), ("there is no config file", "none.toml")),
    "an unknown profile": Mistake(("--profile", "mine"), ('"mine"', "[profiles.NAME]")),
    # the stages
    "an unknown provider by flag": Mistake(("--llm", "nobody"), ("--llm", '"nobody"', "anthropic")),
    "no such module": Mistake(("--llm", "no.such:model"), ("no.such:model", "cannot be loaded")),
    "no key for anthropic": Mistake(("--llm", "anthropic"), ("ANTHROPIC_API_KEY",)),
    "no key for openai": Mistake(("--llm", "openai"), ("OPENAI_API_KEY",)),
    "no key for openai's ears": Mistake(("--stt", "openai"), ("OPENAI_API_KEY",)),
    "no such model directory": Mistake(("--stt", "faster-whisper:/none/model"), ("/none/model", "no directory")),
    "an empty model directory": Mistake(
        ("--stt", "faster-whisper:./model"),
        ("model.bin is missing",),
        files=lambda folder: (folder / "model").mkdir(),
    ),
    "no such model": Mistake(("--stt", "faster-whisper:enormous"), ("'enormous'", "choose one of", "base.en")),
    # the recording
    "recording over a file": Mistake(
        ("--record", "file"), ("that is a file",), files=lambda folder: (folder / "file").touch()
    ),
    "recording where nothing can be": Mistake(("--record", "/proc/session"), ("cannot record", "another folder")),
    # the command line
    "no turns": Mistake(("--turns", "0"), ("--turns", "from 1 on")),
    "turns in words": Mistake(("--turns", "two"), ("--turns", "two")),
    "time that has passed": Mistake(("--max-seconds", "-1"), ("--max-seconds", "above 0")),
    "no number of seconds": Mistake(("--max-seconds", "nan"), ("--max-seconds", "nan")),
    "an unknown flag": Mistake(("--loud",), ("--loud", "--help")),
    "no microphone": Mistake((), ("no microphone", "--mic FILE.wav", "parley demo"), mic=False, code=1),
}


def made(folder: Path, mistake: Mistake) -> Outcome:
    arguments = talk_arguments(folder, mistake.config, drawn([], 0.2))
    if not mistake.mic:
        at = arguments.index("--mic")
        del arguments[at : at + 2]
    mistake.files(folder)
    return run(folder, [*arguments, *mistake.arguments])


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("mistakes")
    return side_by_side(
        {name: lambda n=name, m=mistake: made(folder / n.replace(" ", "-"), m) for name, mistake in MISTAKES.items()}
    )


@pytest.mark.parametrize("name", MISTAKES)
def test_one_sentence_says_what_is_wrong(name: str, outcomes: dict[str, Outcome]) -> None:
    outcome, mistake = outcomes[name], MISTAKES[name]
    sentence = one_sentence(outcome.stderr)
    for part in mistake.says:
        assert part in sentence
    assert outcome.code == mistake.code
    assert outcome.lines == []


def test_the_microphones_file_is_not_written_over(tmp_path: Path) -> None:
    mic = write_wav(tmp_path / "voice.wav", drawn([(0.1, 0.2)], 0.3))
    before = mic.read_bytes()
    (tmp_path / "link.wav").symlink_to(mic)
    outcome = run(tmp_path, [*talk_arguments(tmp_path, scripted(), mic), "--speaker", "link.wav"])
    assert "heard and written at once" in one_sentence(outcome.stderr)
    assert outcome.code == 2
    assert mic.read_bytes() == before


def test_a_mistake_leaves_no_recording_behind(tmp_path: Path) -> None:
    recording = tmp_path / "sessions" / "today"
    outcome = run(tmp_path, [*talk_arguments(tmp_path, scripted(), Path("none.wav")), "--record", recording])
    assert outcome.code == 2
    assert not recording.parent.exists()


def test_an_empty_config_and_an_empty_recording_are_no_mistakes(tmp_path: Path) -> None:
    wav_of("mic.wav", seconds=0)(tmp_path)
    outcome = run(tmp_path, [*talk_arguments(tmp_path, "", tmp_path / "mic.wav"), *ALL_SCRIPTED])
    assert (outcome.code, outcome.stderr) == (0, "")
    assert [event["event"] for event in outcome.events] == ["session.started", "session.ended"]
    assert outcome.events[-1]["reason"] == "input_over"
    shown = run(tmp_path, ["talk", "--mic", "mic.wav", "--speaker", "none", *ALL_SCRIPTED])
    assert shown.code == 0
    assert "mic.wav holds no sound" in shown.lines


def test_every_second_recording_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    arguments = [*talk_arguments(tmp_path, scripted(), drawn([], 0.2)), "--record", tmp_path / "sessions"]
    first, second, third = (run(tmp_path, arguments) for _ in range(3))
    assert (first.code, second.code, third.code) == (0, 0, 0)
    for folder in ("sessions", "sessions/001", "sessions/002"):
        assert len(read_wav(tmp_path / folder / "mic.wav")[0]) > 0
        assert '"session.ended"' in (tmp_path / folder / "events.jsonl").read_text("utf-8")
    assert str(tmp_path / "sessions" / "001") in second.stderr


def test_a_traceback_only_on_request(tmp_path: Path) -> None:
    arguments = talk_arguments(tmp_path, scripted(), Path("none.wav"))
    outcome = run(tmp_path, [*arguments, "--verbose"])
    assert outcome.code == 2
    assert "Traceback" in outcome.stderr
    assert "there is no sound file none.wav" in outcome.stderr.splitlines()[-1]


@pytest.mark.parametrize("arguments", [(), ("tlak",), ("talk", "x"), ("config",)], ids=lambda words: " ".join(words))
def test_a_command_line_that_is_none(arguments: tuple[str, ...], tmp_path: Path) -> None:
    outcome = run(tmp_path, arguments)
    assert "--help" in one_sentence(outcome.stderr)
    assert (outcome.code, outcome.lines) == (2, [])


def test_help_names_every_command(tmp_path: Path) -> None:
    outcome = run(tmp_path, ["--help"])
    assert (outcome.code, outcome.stderr) == (0, "")
    for command in ("talk", "demo", "config", "bench"):
        assert any(line.split()[:1] == [command] for line in outcome.lines)
    assert "--or-demo" not in "\n".join(run(tmp_path, ["talk", "--help"]).lines)
