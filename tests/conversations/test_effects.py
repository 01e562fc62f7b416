"""What a model wants done is done when its reply is first heard, once, and never for what nobody hears."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import anyio
import numpy as np
import pytest

from assistant.audio.wavfile import open_wav
from assistant.ports import Delta, FailedMidway, Message, ProviderError, SideEffect, TextDelta
from assistant.session import Session

from .sheet import Trace, read
from .test_sheets import on_virtual_time

TIMER = SideEffect("timer", {"seconds": 3, "label": "tea"})


class Wishes:
    """A ChatModel that gives each of ``deltas`` in turn; a number is a wait in seconds, an exception is raised."""

    name = "wishes"

    def __init__(self, *deltas: Delta | float | Exception) -> None:
        self._deltas = deltas

    async def reply(self, messages: Sequence[Message]) -> AsyncIterator[Delta]:
        for delta in self._deltas:
            if isinstance(delta, Exception):
                raise delta
            if isinstance(delta, int | float):
                await anyio.sleep(delta)
            else:
                yield delta


class InTurn:
    """A ChatModel that is another one at every call."""

    name = "in turn"

    def __init__(self, *models: Wishes) -> None:
        self._models = list(models)

    def reply(self, messages: Sequence[Message]) -> AsyncIterator[Delta]:
        return self._models.pop(0).reply(messages)


def held(folder: Path, text: str, *deltas: Delta | float | Exception) -> tuple[Trace, Session]:
    sheet = read(text)
    sheet.model = Wishes(*deltas)
    return on_virtual_time(sheet, folder)


def offline(folder: Path, text: str) -> tuple[Trace, Session]:
    return on_virtual_time(read(f"offline 2026-11-20T15:05\n{text}"), folder)


def announced(trace: Trace) -> list[str]:
    return [n.data["text"] for n in trace.notices if n.event == "reply.sentence" and n.turn is None]


def warned(trace: Trace) -> list[str]:
    return [notice.data["message"] for notice in trace.notices if notice.event == "warning"]


def peaks(folder: Path, trace: Trace) -> list[float]:
    """The loudest sample of each reply, as the loudspeaker's file has it."""
    with open_wav(folder / "speaker.wav") as reader:
        sound, rate = reader.read(reader.frames), reader.rate
    begun = [n.at for n in trace.notices if n.event == "reply.audible"]
    over = [n.at for n in trace.notices if n.event in ("reply.finished", "reply.interrupted")]
    return [float(np.abs(sound[round(a * rate) : round(b * rate)]).max()) for a, b in zip(begun, over, strict=True)]


# --- when ------------------------------------------------------------------------------------------------------------


def test_a_wish_after_the_words_is_carried_out_however_short_they_were_heard(tmp_path: Path) -> None:
    text = 'user 1.0-2.0 "tea"\nuser 2.5-3.0 "stop"\ntts word=0.5\nend 12'
    trace, _ = held(tmp_path, text, TextDelta("Your tea will be ready in three minutes."), TIMER)
    assert announced(trace) == ["Your timer is over: tea."] * 2, "each of the two replies was heard, and cut or not"


def test_a_wish_that_comes_while_the_words_are_heard_is_carried_out_at_once(tmp_path: Path) -> None:
    text = 'user 1.0-2.0 "tea"\ntts word=0.5\nend 9'
    trace, _ = held(tmp_path, text, TextDelta("One moment, please. "), 1.0, TIMER, TextDelta("Done."))
    assert announced(trace) == ["Your timer is over: tea."]
    [begun] = [n.t for n in trace.notices if n.event == "reply.started" and n.data["kind"] == "announcement"]
    assert begun == pytest.approx(2.1 + 1.0 + 3.0, abs=0.01), "three seconds from when it was wished for"


def test_a_wish_that_had_not_come_at_the_interruption_is_not_carried_out(tmp_path: Path) -> None:
    text = 'config barge_in=speech\nuser 1.0-2.0 "tea"\nkey 2.5\ntts word=0.5\nend 9'
    trace, session = held(tmp_path, text, TextDelta("One moment, please. "), 2.0, TIMER, TextDelta("Done."))
    assert announced(trace) == []
    assert session.effects.pending.given == 0


def test_a_reply_that_is_taken_back_before_it_was_heard_has_done_nothing(tmp_path: Path) -> None:
    """Committed at 2.2, and the voice takes a second: the user goes on meanwhile."""
    text = 'user 1.0-2.0 "tea"\nuser 2.5-3.0 "please"\ntts delay=1.0 word=0.1\nend 12'
    trace, session = held(tmp_path, text, TIMER, TextDelta("Your tea is on."))
    assert [n.event for n in trace.notices if n.event.startswith("reply.discarded")], "it was taken back"
    assert session.effects.pending.given == 1
    assert announced(trace) == ["Your timer is over: tea."]


def test_a_reply_that_no_voice_could_speak_has_done_nothing(tmp_path: Path) -> None:
    text = 'config drafts=off\nuser 1.0-2.0 "tea"\nfault tts call=1 kind=refused\nend 9'
    trace, session = held(tmp_path, text, TIMER, TextDelta("Your tea is on."))
    assert [n.data["kind"] for n in trace.notices if n.event == "reply.started"] == ["answer", "apology"]
    assert session.effects.pending.given == 0


def test_a_model_that_breaks_after_its_words_were_heard_has_set_its_timer_once(tmp_path: Path) -> None:
    text = 'user 1.0-2.0 "tea"\ntts word=0.2\nend 12'
    trace, _ = held(tmp_path, text, TIMER, TextDelta("Your tea is on. "), 0.5, ProviderError("it broke"))
    assert announced(trace) == ["Your timer is over: tea."]


def test_a_model_that_goes_on_with_anothers_answer_sets_no_second_timer(tmp_path: Path) -> None:
    sheet = read('user 1.0-2.0 "tea"\ntts word=0.2\nend 12')
    broken = Wishes(TIMER, TextDelta("Your tea "), FailedMidway("it broke off", provider="wishes"))
    quiet = SideEffect("volume", {"by_db": -6.0})
    sheet.model = InTurn(broken, Wishes(TIMER, quiet, TextDelta("is on.")))
    trace, session = on_virtual_time(sheet, tmp_path)
    assert announced(trace) == ["Your timer is over: tea."]
    assert session.effects.volume.db == -6.0, "what the first had not asked for is the second's to ask"


# --- what ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "why"),
    [
        (SideEffect("dance"), "nobody here can do that"),
        (SideEffect("timer", None), "its arguments must be a mapping"),  # type: ignore[arg-type]
        (SideEffect("timer"), "seconds must be a number"),
        (SideEffect("timer", {"seconds": float("nan")}), "seconds must be a number"),
        (SideEffect("timer", {"seconds": 1e99}), "seconds must be a number"),
        (SideEffect("timer", {"seconds": True}), "seconds must be a number"),
        (SideEffect("timer", {"seconds": 3, "label": 7}), "label must be a text"),
        (SideEffect("timer", {"seconds": 3, "say": "la" * 999}), "say must be a text"),
        (SideEffect("alarm", {"at": "soon"}), "at must be a moment"),
        (SideEffect("alarm", {"at": None}), "at must be a moment"),
        (SideEffect("alarm", {"at": "2026-11-20T14:00"}), "at must lie in the coming year"),
        (SideEffect("alarm", {"at": "0001-01-01T00:00"}), "at must lie in the coming year"),
        (SideEffect("volume"), "by_db must be a number"),
        (SideEffect("volume", {"to": 11}), "to must be a number from 0 to 1"),
        (SideEffect("speed", {"by": 1.25}), "this voice cannot change its speed"),
    ],
)
def test_what_cannot_be_done_is_told_and_the_conversation_goes_on(effect: SideEffect, why: str, tmp_path: Path) -> None:
    trace, session = held(tmp_path, 'user 1.0-2.0 "go on"\nend 6', TextDelta("As you wish."), effect)
    [warning] = warned(trace)
    assert warning.startswith(f'the model wants "{effect.name}", which is not done: {why}')
    assert session.effects.pending.given == 0
    assert [n.data["text"] for n in trace.notices if n.event == "reply.finished"] == ["As you wish."]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("timer", {"seconds": 2}, "Your timer is over."),
        ("timer", {"seconds": 2.5, "label": "tea"}, "Your timer is over: tea."),
        ("timer", {"seconds": 0, "say": "Now."}, "Now."),
        ("alarm", {"at": "2026-11-20T15:05:06+01:00"}, "This is your alarm for 15:05."),
        ("alarm", {"at": "2026-11-20T14:05:06+00:00", "label": "cat"}, "This is your alarm for 15:05: cat."),
        ("alarm", {"at": "2026-11-20T15:04:59", "say": "Late."}, "Late."),
    ],
)
def test_what_rings_says_what_it_is(name: str, arguments: Mapping[str, object], said: str, tmp_path: Path) -> None:
    trace, _ = held(tmp_path, 'user 1.0-2.0 "go on"\nend 9', TextDelta("Yes."), SideEffect(name, arguments))
    assert announced(trace) == [said]


def test_what_has_rung_can_no_longer_be_cancelled_and_nobody_minds(tmp_path: Path) -> None:
    trace, _ = held(tmp_path, 'user 1.0-2.0 "go on"\nend 9', TextDelta("Yes."), SideEffect("cancel", {"id": 4}))
    assert warned(trace) == []


def test_louder_and_quieter_are_what_is_played_next(tmp_path: Path) -> None:
    trace, _ = offline(
        tmp_path,
        """
        user 1.0-1.6 "what is two plus two"
        user 3.0-3.6 "louder please"
        user 5.0-5.6 "what is two plus two"
        user 7.0-7.6 "set the volume to fifty percent"
        user 9.0-9.6 "what is two plus two"
        tts word=0.2
        end 11
        """,
    )
    normal, told, louder, set_, quieter = peaks(tmp_path, trace)
    assert told == pytest.approx(normal, rel=0.01), "it was on its way when it was heard"
    assert louder == pytest.approx(normal * 10 ** (6 / 20), rel=0.01)
    assert set_ == pytest.approx(louder, rel=0.01)
    assert quieter == pytest.approx(normal / 2, rel=0.01)


def test_a_draft_changes_no_volume(tmp_path: Path) -> None:
    """It is thrown away as the user goes on; what is answered in the end is another question."""
    trace, session = offline(
        tmp_path, 'config silence_ms=400\nuser 1.0-1.8 "louder"\nuser 2.1-2.6 "is not what I want"\nend 6'
    )
    assert any(n.event == "reply.discarded" for n in trace.notices)
    assert session.effects.volume.db == 0


def test_a_voice_that_cannot_change_its_speed_promises_nothing(tmp_path: Path) -> None:
    trace, _ = offline(tmp_path, 'user 1.0-2.0 "speak slower"\nend 12')
    [answer] = [n.data["text"] for n in trace.notices if n.event == "reply.finished"]
    assert answer.startswith("I cannot help with that.")
    assert "slower" not in answer
    assert warned(trace) == []
