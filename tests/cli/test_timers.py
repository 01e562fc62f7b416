"""`parley talk` with the offline assistant: a timer rings, a pace is another pace, and what will not ring is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .talking import (
    REAL,
    RECORDED,
    Event,
    Outcome,
    drawn,
    read_wav,
    run,
    scripted,
    side_by_side,
    sounds,
    stage_of,
    talk,
    talk_arguments,
)

OFFLINE = 'provider = "offline"'


def offline(*lines: tuple[float, float, str], tts: str = 'provider = "scripted"') -> str:
    return stage_of(stage_of(scripted(lines), "llm", OFFLINE), "tts", tts)


def spoken(outcome: Outcome) -> list[str]:
    return [event["text"] for event in outcome.all("reply.finished")]


def audible(outcome: Outcome) -> list[Event]:
    return outcome.all("reply.audible")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("timers")
    short = [(0.5, 1.1), (4.0, 4.6)]
    asked = "what is seven times eight"
    return side_by_side(
        {
            "rings": lambda: talk(
                folder / "rings", offline((0.5, 1.1, "set a timer for two seconds")), drawn(short[:1], 6.0)
            ),
            "other model": lambda: talk(
                folder / "other",
                stage_of(
                    scripted([(0.5, 1.1, "set a timer for two seconds")]),
                    "llm",
                    'provider = "scripted"\nfallback = ["offline"]\n'
                    'options = { faults = [{ call = 1, kind = "refused" }, { call = 2, kind = "refused" }] }',
                ),
                drawn(short[:1], 6.0),
            ),
            "pending": lambda: people(
                folder / "pending", offline((0.5, 1.1, "set a pasta timer for ten minutes")), drawn(short[:1], 3.5)
            ),
            "pace": lambda: talk(
                folder / "pace",
                offline((0.5, 1.1, asked), (4.0, 4.6, "speak slower"), (7.5, 8.1, asked), tts='provider = "espeak-ng"'),
                drawn([*short, (7.5, 8.1)], 11.5),
            ),
            "recorded": lambda: talk(folder / "recorded", REAL, recorded()),
        }
    )


def people(folder: Path, config: str, mic: np.ndarray) -> Outcome:
    """What somebody at a terminal sees."""
    return run(folder, [argument for argument in talk_arguments(folder, config, mic) if argument != "--json"])


def recorded() -> np.ndarray:
    """Two people in a quiet room: one sets a timer, the other cancels it."""
    sound = drawn([], 11.0)
    for at, name in ((0.5, "kal16-set-a-timer-for-ten-minutes"), (6.5, "rms-cancel-the-timer")):
        voice, rate = read_wav(RECORDED / f"{name}.wav")
        assert rate == 16_000
        sound[round(at * rate) : round(at * rate) + len(voice)] += voice
    return sound


@pytest.mark.parametrize("name", ["rings", "other model"])
def test_a_timer_rings_by_itself(name: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[name]
    assert outcome.code == 0, outcome.stderr
    assert spoken(outcome) == ["Your timer for 2 seconds is set.", "Your 2 second timer is over."]
    kinds = [(event["kind"], event["turn"]) for event in outcome.all("reply.started")]
    assert kinds == [("answer", 1), ("announcement", None)]
    confirmed, rang = audible(outcome)
    assert rang["at"] - confirmed["at"] >= 2.0, "it never rings early"
    heard = [start for start, _ in sounds(outcome.speaker, hole=0.3)]
    assert heard == pytest.approx([confirmed["at"], rang["at"]], abs=0.02)
    assert outcome.all("warning") == []


def test_what_is_pending_at_the_end_does_not_hold_it_and_is_named(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["pending"]
    assert outcome.code == 0, outcome.stderr
    assert 'will not ring: the timer "pasta" due at ' in "\n".join(outcome.lines)
    assert len(sounds(outcome.speaker, hole=0.3)) == 1


def test_slower_is_slower(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["pace"]
    before, told, after = spoken(outcome)
    assert (before, told) == (after, "Okay, slower from now on.")
    begun = [event["at"] for event in audible(outcome)]
    ended = [event["at"] for event in outcome.all("reply.finished")]
    usual, _, slower = (end - begin for begin, end in zip(begun, ended, strict=True))
    assert slower / usual == pytest.approx(1.25, rel=0.12)


def test_people_set_and_cancel_a_timer(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["recorded"]
    assert outcome.code == 0, outcome.stderr
    assert spoken(outcome) == ["Your timer for 10 minutes is set.", "The timer is cancelled."]
    assert outcome.all("warning") == []
