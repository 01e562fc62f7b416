"""`parley bench inventions`: what it plays, what it counts, and the tiny Whisper through all of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from assistant.bench.inventions import measure
from assistant.bench.inventions.measure import Outcome
from assistant.bench.inventions.pieces import Piece, pieces
from assistant.bench.inventions.report import in_json, in_text
from assistant.bench.inventions.wider import wider
from assistant.errors import ParleyError
from assistant.ports import CAPTURE_RATE
from tests.cli.talking import RECORDED, write_wav
from tests.providers.test_guard import buzz

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_wav(tmp_path / "motor.wav", buzz())
    write_wav(tmp_path / "hiss.wav", np.random.default_rng(1).standard_normal(70 * CAPTURE_RATE) * 0.01)
    shutil.copy(RECORDED / "slt-stop.wav", tmp_path)
    rows = [
        ("path", "label_type", "label", "use", "seconds"),
        ("motor.wav", "class", "a motor", "non-speech", "3.0"),
        ("hiss.wav", "class", "hiss", "non-speech;noise", "70.0"),
        ("slt-stop.wav", "transcript", "Stop.", "STT accuracy", "1.2"),
        ("long.wav", "transcript", "a sentence of more than four words", "STT accuracy", "2.0"),
        ("room.wav", "RIR", "", "RIR", "1.0"),
        ("meeting.wav", "rttm start+dur:speaker", "0.000+2.000:ANN;1.500+2.500:BEN", "VAD labels", "8.0"),
    ]
    echo = np.exp(-np.arange(CAPTURE_RATE) / 2000) * np.random.default_rng(2).standard_normal(CAPTURE_RATE)
    write_wav(tmp_path / "room.wav", 0.1 * echo)
    ramp = np.linspace(0.1, 0.9, 8 * CAPTURE_RATE)
    write_wav(tmp_path / "meeting.wav", ramp)
    (tmp_path / "INDEX.tsv").write_text("".join("\t".join(row) + "\n" for row in rows), "utf-8")
    return tmp_path


def test_recordings_are_cut_looped_and_padded(folder: Path) -> None:
    without, _ = pieces(folder)
    lengths = [(piece.clip, piece.seconds) for piece in without]
    assert all(len(piece.samples) == piece.seconds * CAPTURE_RATE for piece in without)
    assert [lengths.count(("hiss.wav", seconds)) for seconds in (1, 3, 10, 30)] == [7, 7, 7, 3]
    assert [lengths.count(("motor.wav", seconds)) for seconds in (1, 3, 10, 30)] == [4, 2, 2, 2]
    whole = next(piece.samples for piece in without if (piece.clip, piece.seconds) == ("motor.wav", 10))
    assert np.array_equal(whole[: 3 * CAPTURE_RATE], whole[3 * CAPTURE_RATE : 6 * CAPTURE_RATE]), "looped"


def test_words_are_short_and_come_in_noise_too(folder: Path) -> None:
    _, words = pieces(folder)
    assert [(piece.kind, piece.clip, piece.said) for piece in words] == [
        ("word", "slt-stop.wav", "Stop."),
        ("word in noise", "slt-stop.wav", "Stop."),
    ]


def test_more_of_it_is_in_rooms_at_other_levels_mixed_and_between_words(folder: Path) -> None:
    (folder / "PAUSES.tsv").write_text(
        "path\tsplit\tspeech_start\tspeech_end\ttrailing_silence\tpauses\n"
        "slt-stop.wav\tdev\t0.1\t1.1\t0.05\t\n"
        "motor.wav\tdev\t0.1\t1.0\t2.0\t0.4-0.6\n",
        "utf-8",
    )
    more = [piece for piece, _ in wider(folder)]
    lengths = {(piece.kind, piece.clip): len(piece.samples) for piece in more}
    assert {kind for kind, _ in lengths} == {"in a room", "loud", "soft", "mixed", "between words"}
    assert all(len(piece.samples) == piece.seconds * CAPTURE_RATE for piece in more)
    loudest = {kind: max(np.abs(piece.samples).max() for piece in more if piece.kind == kind) for kind, _ in lengths}
    assert loudest["loud"] == pytest.approx(0.9, abs=0.01) and loudest["soft"] < 0.03
    assert {piece.clip for piece in more if piece.kind == "between words"} == {"meeting.wav", "motor.wav"}


def test_between_words_is_where_nobody_speaks(folder: Path) -> None:
    """The meeting's sound grows with time, so that it tells where it was taken."""
    (longest,) = [piece for piece, _ in wider(folder) if piece.kind == "between words" and piece.seconds == 3][:1]
    taken = (longest.samples - 0.1) / 0.8 * 8.0
    assert taken.min() == pytest.approx(4.25, abs=0.05), "a quarter of a second after the last word"


def test_a_folder_without_an_index_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match=r"INDEX.tsv cannot be read"):
        pieces(tmp_path)
    (tmp_path / "INDEX.tsv").write_text("path\tlabel_type\tlabel\tuse\tseconds\n", "utf-8")
    with pytest.raises(ParleyError, match="no recordings without speech"):
        pieces(tmp_path)


def outcome(kind: str, raw: str, filtered: str, *, half: int = 1, heard: bool = True, said: str = "Yes.") -> Outcome:
    piece = Piece("a.wav", kind, np.zeros(1, np.float32), 1 if kind == "noise" else 0, said)
    return Outcome(piece, half, heard, raw, raw, filtered, "" if filtered else "no voice")


def test_shares_are_of_their_half_and_of_what_is_heard() -> None:
    found = {
        "m": [
            outcome("noise", "Louder.", "", half=0),
            outcome("noise", "Louder.", "Louder."),
            outcome("noise", "", ""),
            outcome("word", "Yes.", "Yes."),
            outcome("word", "Yes.", ""),
            outcome("word", "Yes.", "", heard=False),
            outcome("word", "", ""),
        ]
    }
    (told,) = in_json(found).values()
    assert isinstance(told, dict)
    by_half = {row["half"]: row for row in told["without_words"] if row["seconds"] == "all"}
    assert [(by_half[half]["raw"], by_half[half]["filtered"]) for half in by_half] == [(100, 0), (50, 50), (66.7, 33.3)]
    (words,) = [row for row in told["words"] if (row["kind"], row["half"]) == ("recorded words", "reported on")]
    assert (words["pieces"], words["unheard"], words["suppressed"], words["share"], words["right"]) == (
        4,
        1,
        1,
        33.3,
        3,
    )
    assert [left[2] for left in told["left"]] == ["Louder."]
    assert "own thresholds %" in in_text(found)


async def test_the_tiny_whisper_is_measured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It invents for most of it, nothing of which is left, and the word is."""
    monkeypatch.setattr("assistant.bench.inventions.pieces.LENGTHS", (1, 3))
    monkeypatch.setattr(measure, "PHRASES", ("Yes.",))
    found = await measure.measure(folder, ("faster-whisper:parley-rough",), lambda said: None)
    (outcomes,) = found.values()
    noise = [one for one in outcomes if one.piece.kind == "noise"]
    assert sum(bool(one.raw) for one in noise) > len(noise) / 2
    assert [one.filtered for one in noise if one.filtered] == []
    assert all(one.filtered for one in outcomes if one.piece.kind in ("word", "synthetic"))


async def test_what_invents_nothing_is_not_measured(folder: Path) -> None:
    with pytest.raises(ParleyError, match="invents nothing by its nature"):
        await measure.measure(folder, ("scripted",), lambda said: None)
