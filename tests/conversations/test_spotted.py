"""A stop word that was spotted, and what the loudspeaker does: silence at once, and after it all or nothing."""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np
import pytest
import trio.testing

from assistant.audio.wavfile import open_wav
from assistant.ports import Samples

from .sheet import Trace, play, read

SHEETS = Path(__file__).parent / "sheets"
SPOTTED = 4.48
"""Second at which the spotter of all these sheets tells of it: the end of the frame by which it is said."""
FADE = 0.01


def held(name: str, folder: Path, *, without: str = "") -> tuple[Trace, Samples, int]:
    """What was told and heard of a sheet, ``without`` the lines that begin so; and the loudspeaker's rate."""
    text = "".join(
        line for line in (SHEETS / f"{name}.txt").read_text("utf-8").splitlines(keepends=True)
        if not without or not line.startswith(without)
    )  # fmt: skip
    clock = trio.testing.MockClock(autojump_threshold=0)
    trace, _ = anyio.run(play, read(text), folder, backend="trio", backend_options={"clock": clock})
    with open_wav(folder / "speaker.wav") as file:
        return trace, file.read(file.frames), file.rate


def told(trace: Trace, event: str) -> float:
    """When it was, the last time."""
    return [notice.t for notice in trace.notices if notice.event == event][-1]


@pytest.mark.parametrize("name", ["spot_before_the_final", "spot_ducked"])
def test_not_one_more_sample_is_heard_of_the_answer(name: str, tmp_path: Path) -> None:
    _, heard, rate = held(name, tmp_path, without="user 7.0")
    assert np.abs(heard[round(3.9 * rate) : round(4.09 * rate)]).max() > 0.01
    assert np.abs(heard[round((SPOTTED + FADE) * rate) :]).max(initial=0.0) == 0.0


def test_it_was_heard_softly_until_then(tmp_path: Path) -> None:
    _, heard, rate = held("spot_ducked", tmp_path)
    assert np.abs(heard[round(4.2 * rate) : round(4.45 * rate)]).max() > 0.001


def test_what_was_none_goes_on_from_the_very_sample(tmp_path: Path) -> None:
    trace, heard, rate = held("spot_taken_back", tmp_path)
    held_at, resumed_at = told(trace, "reply.paused"), told(trace, "reply.resumed")
    assert np.abs(heard[round((held_at + FADE) * rate) : round(resumed_at * rate)]).max() == 0.0
    calm = tmp_path / "calm"
    calm.mkdir()
    _, whole, _ = held("spot_taken_back", calm, without="user 4.0")
    end, beginning = round((held_at - FADE) * rate), round((resumed_at + FADE) * rate)
    gap = round((resumed_at - held_at) * rate)
    assert np.array_equal(heard[:end], whole[:end])
    rest = heard[beginning:]
    # The hold is as long as it was told to be, give or take the frame in which that is done.
    ahead = [n for n in range(-rate // 30, rate // 30) if np.allclose(rest[:rate], whole[beginning - gap + n :][:rate])]
    assert len(ahead) == 1
