"""What speech a voice may be learned from."""

from __future__ import annotations

import numpy as np
import pytest

from assistant.enrolment import PIECE, WANTED, Speech, Unfit, embedded, learn, unfit
from assistant.ports import CAPTURE_RATE, FRAME, Frame, Samples

pytestmark = pytest.mark.anyio


class ByPitch:
    """Tells a high tone from a low one."""

    name = model = "by pitch"
    chance, spread = 0.5, 0.05

    async def embedding(self, samples: Samples) -> np.ndarray:
        high = int(np.count_nonzero(np.diff(np.sign(samples)))) / len(samples) > 0.05
        return np.array([high, not high], np.float32)


def tone(seconds: float, level: float = 0.1, hertz: float = 150.0) -> np.ndarray:
    at = np.arange(int(seconds * CAPTURE_RATE)) / CAPTURE_RATE
    return (np.sqrt(2) * level * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def heard(*parts: tuple[np.ndarray, float]) -> Speech:
    """Sounds, each with its probability of speech."""
    speech, at = Speech(), 0
    for samples, probability in parts:
        for start in range(0, len(samples) - FRAME + 1, FRAME):
            speech.push(Frame(np.clip(samples[start : start + FRAME], -1, 1), at), probability)
            at += FRAME
    return speech


def test_enough_clear_speech_is_fit() -> None:
    assert unfit(heard((tone(1, 0.001), 0.0), (tone(WANTED + 0.1), 0.9))) is None


def test_only_what_is_speech_counts() -> None:
    speech = heard((tone(4), 0.9), (tone(20), 0.4))
    assert speech.seconds == pytest.approx(4, abs=0.04)
    assert (unfit(speech) or "").startswith("only 4.0 s of speech were heard and 10 s are needed")


def test_nothing_at_all_is_too_little() -> None:
    assert "only 0.0 s" in (unfit(Speech()) or "")
    assert len(Speech().samples()) == 0


@pytest.mark.parametrize(
    ("between", "level", "why"),
    [
        (0.001, 2.0, "too loud"),
        (0.0000001, 0.0005, "too soft"),
        (0.05, 0.1, "only 6 dB louder"),
        (0.3, 0.1, "only 0 dB louder"),
    ],
)
def test_speech_that_would_make_a_bad_voice_is_refused(between: float, level: float, why: str) -> None:
    sentence = unfit(heard((tone(2, between), 0.1), (tone(11, level), 0.9)))
    assert sentence is not None and why in sentence and ";" in sentence, "and it says what to do"


def test_a_recording_without_a_pause_has_no_noise_to_be_judged_by() -> None:
    assert unfit(heard((tone(11), 0.9))) is None


async def test_a_voice_is_put_together_from_pieces() -> None:
    learned = await learn(heard((tone(11), 0.9)), ByPitch())
    assert learned.vector == (0.0, 1.0)
    assert learned.seconds == pytest.approx(11, abs=0.04)


async def test_two_voices_are_not_learned_as_one() -> None:
    with pytest.raises(Unfit, match="more than one voice"):
        await learn(heard((tone(6), 0.9), (tone(5, hertz=1500), 0.9)), ByPitch())


@pytest.mark.parametrize(("seconds", "pieces"), [(0.5, 1), (2.0, 1), (3.9, 1), (4.0, 2), (11.0, 5)])
async def test_what_is_left_at_the_end_belongs_to_the_last_piece(seconds: float, pieces: int) -> None:
    assert PIECE == 2.0
    assert len(await embedded(tone(seconds), ByPitch())) == pieces
