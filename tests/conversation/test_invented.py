"""What is believed of a recogniser that writes whatever is likely."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation.events import Invention, Sureness, Transcript
from assistant.conversation.invented import Track, Voice, ignored, invented, misheard
from assistant.conversation.inventions import COURTESIES, CREDITS, FAREWELLS

CLEAR = Voice(seconds=0.6, certain=0.5, contrast=20.0)
"""A word in a quiet room."""
DOUBTFUL = Voice(seconds=0.5, certain=0.0, contrast=0.0)
"""Music, a fan with a hum."""
NOISY = Voice(seconds=0.5, certain=0.05, contrast=9.0)
"""A word in a kitchen."""
NONE = Voice(seconds=0.1, certain=0.0, contrast=3.0)
SURE = Sureness(-0.2, 0.01)
UNSURE = Sureness(-0.8, 0.1)
SILENCE = Sureness(-1.4, 0.9)
EVERY = [phrase for lists in (CREDITS, FAREWELLS, COURTESIES) for some in lists.values() for phrase in some]


@pytest.mark.parametrize(
    "text", ["Yes.", "Stop!", "seven", "Thank you.", "no, no, no", "Okay", "7", "四", "Danke.", "You"]
)
@pytest.mark.parametrize("sureness", [None, SURE, UNSURE])
def test_a_clear_voice_is_believed(text: str, sureness: Sureness | None) -> None:
    assert invented(text, voice=CLEAR, sureness=sureness) is None


@pytest.mark.parametrize("text", ["Turn on the lights.", "Yes.", "Thank you.", "Thanks for watching!"])
@pytest.mark.parametrize("sureness", [None, SURE, SILENCE])
def test_without_a_voice_nothing_is(text: str, sureness: Sureness | None) -> None:
    assert invented(text, voice=NONE, sureness=sureness) == "no voice"


def test_a_doubtful_voice_needs_a_second_witness() -> None:
    assert invented("Hello.", voice=DOUBTFUL, sureness=None) == "no voice"
    assert invented("Hello.", voice=DOUBTFUL, sureness=SURE) == "no voice"
    assert invented("Hello.", voice=DOUBTFUL, sureness=Sureness(-0.05, 0.0)) is None
    assert invented("Hello.", voice=NOISY, sureness=SURE) is None
    assert invented("Hello.", voice=NOISY, sureness=None) is None
    assert invented("Hello.", voice=NOISY, sureness=UNSURE) == "no voice"


def test_a_long_stretch_of_certain_voice_makes_up_for_the_rest() -> None:
    assert invented("Tell me a story.", voice=Voice(9.0, 1.2, 2.0), sureness=UNSURE) is None


def test_the_recogniser_may_say_that_there_was_no_speech() -> None:
    """Both of Whisper's conditions have to hold, and both have to be known."""
    assert misheard("Louder.", SILENCE) == "no speech"
    assert misheard("Louder.", Sureness(-0.3, 0.9)) is None
    assert misheard("Louder.", Sureness(-1.4, 0.2)) is None
    assert misheard("Louder.", Sureness(None, 0.9)) is None
    assert misheard("Louder.", None) is None


@pytest.mark.parametrize(
    "text",
    [
        "Thank you. " * 12,
        "I'm going to go to the " * 6,
        "So the next thing is the light the light the light the light the light.",
        "Na " * 9,
    ],
)
def test_a_loop_is_found(text: str) -> None:
    assert misheard(text, None) == "loop"


@pytest.mark.parametrize(
    "text",
    [
        "no no no no",
        "five five five two five five five",
        "very, very, very, very good",
        "Row, row, row your boat, gently down the stream; merrily, merrily, merrily, merrily, life is but a dream.",
        "the light in the hall and the light in the kitchen and the light in the bedroom",
    ],
)
def test_people_repeat_themselves_too(text: str) -> None:
    assert misheard(text, None) is None


def test_nobody_speaks_that_fast() -> None:
    blip = Voice(seconds=0.2, certain=0.2, contrast=20.0)
    assert invented("Set a timer for forty minutes.", voice=blip, sureness=SURE) == "too fast"
    assert invented("Yes.", voice=blip, sureness=SURE) is None


@pytest.mark.parametrize("text", ["[Music]", "(applause)", "*sighs*", "[BLANK_AUDIO] .", "...", "♪♪", "【音楽】"])
def test_a_description_of_sounds_is_no_speech(text: str) -> None:
    assert invented(text, voice=CLEAR, sureness=SURE) == "no words"


def test_no_text_is_no_invention() -> None:
    assert invented("", voice=NONE) is None
    assert invented("  ", voice=NONE) is None


def test_credits_are_never_believed() -> None:
    for text in (
        "Untertitel im Auftrag des ZDF, 2021",
        "Subtitles by the Amara.org community",
        "字幕由 Amara.org 社区提供",
    ):
        assert invented(text, voice=CLEAR, sureness=SURE) == "known"


def test_how_videos_end_is_believed_to_a_clear_voice_that_was_understood() -> None:
    text = "Thanks for watching!"
    assert invented(text, voice=Voice(1.1, 0.9, 20.0), sureness=SURE) is None
    assert invented(text, voice=Voice(1.1, 0.9, 20.0), sureness=UNSURE) == "known"
    assert invented(text, voice=Voice(1.1, 0.9, 20.0), sureness=None) == "known"
    assert invented(text, voice=None, sureness=SURE) == "known"


def test_thanks_are_believed_unless_the_recogniser_doubts_them_and_the_voice_is_not_clear() -> None:
    assert invented("Thank you.", voice=NOISY, sureness=SURE) is None
    assert invented("Thank you.", voice=None, sureness=Sureness(-0.3, 0.7)) == "known"
    assert invented("Thank you.", voice=None, sureness=SURE) is None
    assert invented("Thank you.", voice=CLEAR, sureness=Sureness(-0.3, 0.7)) is None


def test_only_a_whole_transcript_counts() -> None:
    for text in ("Thanks for watching the children.", "Who says thanks for watching?", "Put SWR 3 on"):
        assert invented(text, voice=Voice(2.0, 1.5, 20.0), sureness=None) is None


def test_said_over_and_over_it_is_the_same() -> None:
    assert invented("Thanks for watching! Thanks for watching!", voice=Voice(2.0, 1.5, 20.0)) == "known"


@given(st.sampled_from(EVERY), st.sampled_from(["{}.", "{}!", " {} ", "{}, 2020"]), st.booleans())
def test_case_punctuation_and_figures_hide_no_known_invention(phrase: str, form: str, shout: bool) -> None:
    text = form.format(phrase.upper() if shout else phrase)
    assert invented(text, voice=None, sureness=Sureness(-0.6, 0.7)) == "known"


@given(st.text(max_size=80), st.floats(0, 30), st.floats(0, 1), st.floats(-20, 100), st.floats(-4, 0), st.floats(0, 1))
def test_there_is_an_answer_to_everything(
    text: str, seconds: float, share: float, contrast: float, sure: float, silent: float
) -> None:
    """And a witness who is silent is no witness against anybody."""
    voice, sureness = Voice(seconds, share * seconds, contrast), Sureness(sure, silent)
    if text.strip() and invented(text, voice=voice, sureness=sureness) is None:
        assert misheard(text, sureness) is None
    assert invented(text, voice=None, sureness=None) in (None, "no words", "loop", "known")


def test_a_track_counts_the_voice_and_how_far_it_stands_out() -> None:
    track = Track()
    for probability, level in [(0.1, -50.0)] * 8 + [(0.7, -30.0), (0.95, -28.0), (0.99, -28.0), (0.6, -35.0)]:
        track.push(0.032, probability, level, 0.6)
    assert track.seconds == pytest.approx(0.128)
    swing = np.std([-30.0, -28.0, -28.0, -35.0])
    assert track.voice == Voice(
        pytest.approx(0.128), pytest.approx(0.064), pytest.approx(22.0), pytest.approx(swing), pytest.approx(0.6)
    )


def test_a_tone_is_no_clear_voice_however_certain_the_detector_is() -> None:
    """A whale sings one; words rise and fall, and in noise they are not as pure."""
    for swing, voicing, clear in ((0.3, 0.98, False), (1.2, 0.92, False), (1.2, 0.76, True), (4.0, 0.98, True)):
        assert Voice(0.5, 0.5, 0.0, swing, voicing).clear is clear
        assert Voice(3.0, 3.0, 0.0, swing, voicing).clear is clear
    tone = Voice(0.5, 0.5, 0.3, 0.3, 1.0)
    assert invented("Good morning.", voice=tone, sureness=Sureness(-0.46, 0.06)) == "no voice"
    assert invented("Good morning.", voice=tone, sureness=Sureness(-0.05, 0.0)) is None, "somebody else heard words"
    standing = Voice(0.5, 0.5, 20.0, 0.3, 1.0)
    assert invented("Help!", voice=standing, sureness=SURE) == "no voice", "so does a whale near by"


def test_digital_silence_is_nothing_to_stand_out_of() -> None:
    track = Track()
    for probability, level in [(0.0, -100.0)] * 8 + [(0.7, -30.0)] * 8:
        track.push(0.032, probability, level)
    assert track.voice.contrast == 0.0


def test_what_is_told_of_an_utterance_that_is_not_answered() -> None:
    assert ignored(None) == {"reason": "empty", "text": ""}
    assert ignored(Transcript(" ", True)) == {"reason": "empty", "text": ""}
    assert ignored(Transcript("", True, unintelligible=True), "unintelligible")["reason"] == "unintelligible"
    made_up = Transcript("", True, invention=Invention("Thank you.", "known"))
    assert ignored(made_up) == {"reason": "invented", "text": "Thank you.", "why": "known"}
    assert ignored(made_up, "echo") == {"reason": "echo", "text": "Thank you.", "why": "known"}
    assert ignored(Transcript("", True, invention=Invention("", "no voice")))["reason"] == "noise"
