"""A stop word that was spotted before anybody transcribed it: silence at once, and what follows from the words.

The reply goes on in one case alone: a transcript of all that was said is there in time and is a sign of listening.
"""

from __future__ import annotations

from typing import Literal

import pytest

from assistant.conversation import events as e
from assistant.conversation.interjections import stop_words
from assistant.conversation.overlap import OverlapRules
from assistant.conversation.sounding import Sounding
from assistant.conversation.turn import (
    Conversation,
    Endpointing,
    Hearing,
    Listening,
    Overlapping,
    Replying,
    TurnRules,
    step,
)
from assistant.spotting import PHRASES

STOP = e.StopSpotted(4.46, 2, "stop", 4.4)
WORD = (e.VoiceStarted(4.0, 4.1), STOP, e.VoiceQuiet(4.4), e.VoicePaused(4.4))


def after(
    *happenings: e.Happening, rules: TurnRules | None = None
) -> tuple[Conversation, list[e.Action], float | None]:
    """A story is being told; then this happens. What comes of it, all that was done, and the deadline."""
    talk = Conversation(phase=Replying("answer", 1, None, "a story", audible=True), turn=1)
    everything: list[e.Action] = []
    deadline = None
    for happening in happenings:
        talk, done, deadline = step(talk, happening, rules or TurnRules())
        everything += done
    return talk, everything, deadline


def told(actions: list[e.Action], event: str) -> list[dict[str, object]]:
    return [dict(one.data) for one in actions if isinstance(one, e.Emit) and one.event == event]


def final(at: float, text: str) -> e.Transcribed:
    return e.Transcribed(at, 2, e.Transcript(text, True))


DOUBTED = e.DeadlinePassed(STOP.at + OverlapRules().doubted)
"""No transcript has come in time."""


def resumed(actions: list[e.Action]) -> bool:
    return any(isinstance(one, e.ResumePlayback) for one in actions)


def test_the_reply_is_silent_at_once_and_over_a_moment_later_and_nothing_is_answered() -> None:
    talk, actions, deadline = after(*WORD)
    assert actions.count(e.PausePlayback()) == 1 and not resumed(actions) and deadline is not None
    talk, actions, deadline = after(*WORD, e.DeadlinePassed(5.1))
    assert isinstance(talk.phase, Overlapping) and deadline == DOUBTED.at
    talk, actions, _ = after(*WORD, DOUBTED)
    assert e.CancelReply(keep_heard=True) in actions and told(actions, "overlap.decided") == [{"kind": "stop"}]
    assert isinstance(talk.phase, Endpointing)
    talk, actions, _ = after(*WORD, DOUBTED, e.DeadlinePassed(5.2), e.DeadlinePassed(7.2))
    assert isinstance(talk.phase, Listening) and not resumed(actions)
    assert told(actions, "user.ignored") == [{"reason": "empty", "text": "stop"}]
    assert e.KeepUser(2, "stop") in actions and not any(isinstance(one, e.StartReply | e.Say) for one in actions)


@pytest.mark.parametrize("text", ["Stop.", "stop it", "Top."])
def test_its_transcript_changes_nothing_any_more(text: str) -> None:
    """Nor does one that is as short, and wrong most likely."""
    rules = TurnRules()
    spotted = e.StopSpotted(4.46, 2, "stop it", 4.4)
    talk, actions, _ = after(WORD[0], spotted, *WORD[2:], final(4.6, text), e.DeadlinePassed(4.9), rules=rules)
    assert isinstance(talk.phase, Listening)
    assert sum(isinstance(one, e.CancelReply) for one in actions) == 1
    assert not any(isinstance(one, e.StartReply | e.Say) for one in actions)


@pytest.mark.parametrize("end", [final(6.0, ""), e.TranscriptionFailed(6.0, 2), e.DeadlinePassed(7.2)])
def test_without_a_transcript_it_was_a_stop_word_and_nobody_apologises(end: e.Happening) -> None:
    talk, actions, _ = after(*WORD, DOUBTED, e.DeadlinePassed(5.2), end)
    assert isinstance(talk.phase, Listening) and told(actions, "user.ignored") and not resumed(actions)
    assert not any(isinstance(one, e.Say) for one in actions)


def test_words_that_follow_are_answered_and_so_are_those_before_them() -> None:
    more = (e.VoiceResumed(4.7), e.VoiceQuiet(5.8), e.VoicePaused(5.8), final(5.9, "Stop, what about tomorrow?"))
    talk, actions, deadline = after(*WORD, *more)
    talk, done, _ = step(talk, e.DeadlinePassed(deadline or 9.0), TurnRules())
    texts = [one.text for one in [*actions, *done] if isinstance(one, e.StartReply)]
    assert texts == ["Stop, what about tomorrow?"] and isinstance(talk.phase, Replying)
    assert e.OpenUtterance(2, 4.0) in actions and not told(actions, "user.ignored")


def test_a_voice_that_goes_on_without_a_pause_says_more_than_that() -> None:
    talk, actions, _ = after(
        *WORD[:2], e.VoiceQuiet(5.5), e.VoicePaused(5.5), final(5.6, "stop I meant Paris"), e.DeadlinePassed(6.5)
    )
    assert any(isinstance(one, e.StartReply) for one in actions) and isinstance(talk.phase, Replying)


@pytest.mark.parametrize("early", [True, False], ids=["in time", "late"])
def test_a_question_that_was_taken_for_it_is_answered_all_the_same(early: bool) -> None:
    transcript = (final(4.6, "what is the top"), e.DeadlinePassed(6.0))
    late = (DOUBTED, e.DeadlinePassed(5.2), final(5.9, "what is the top"))
    _, actions, _ = after(*WORD, *(transcript if early else late))
    assert [one.text for one in actions if isinstance(one, e.StartReply)] == ["what is the top"]


@pytest.mark.parametrize("text", ["right", "Mm-hm.", "okay"])
def test_a_sign_of_listening_that_was_taken_for_it_loses_no_answer(text: str) -> None:
    talk, actions, _ = after(*WORD, final(4.7, text))
    assert isinstance(talk.phase, Replying) and talk.phase.turn == 1
    assert told(actions, "overlap.decided") == [{"kind": "backchannel"}]
    assert actions.count(e.ResumePlayback()) == 1 and not any(isinstance(one, e.CancelReply) for one in actions)
    assert told(actions, "reply.resumed") == [{"reason": "backchannel"}]


@pytest.mark.parametrize(
    "news",
    [
        (e.Transcribed(4.7, 2, e.Transcript("right", False)), DOUBTED),
        (e.Transcribed(4.7, 2, e.Transcript("right", True, provisional=True)), DOUBTED),
        (final(4.7, "stop"),),
        (final(4.7, "Top."),),
        (final(4.7, ""),),
        (e.Transcribed(4.7, 2, e.Transcript("", True, unintelligible=True)),),
        (e.TranscriptionFailed(4.7, 2),),
        (e.VoiceResumed(4.7), e.VoiceQuiet(4.8), e.VoicePaused(4.8), final(4.9, "right")),
        (e.SpeakerTold(4.7, 2, True), DOUBTED),
        (e.Mute(4.7),),
        (e.Interrupt(4.7),),
        (DOUBTED, final(5.3, "right")),
    ],
    ids=[
        "a partial may be half", "a better one is to come", "agrees", "as short", "no words", "not understood",
        "no transcriber", "a voice behind it", "of somebody else", "muted", "the key", "too late",
    ],
)  # fmt: skip
@pytest.mark.parametrize("overlap", ["pause", "duck"])
def test_nothing_else_lets_it_go_on(news: tuple[e.Happening, ...], overlap: Literal["pause", "duck"]) -> None:
    talk, actions, _ = after(*WORD, *news, rules=TurnRules(overlap=overlap))
    assert not isinstance(talk.phase, Overlapping) and not resumed(actions)
    assert [one for one in actions if isinstance(one, e.CancelReply) and one.keep_heard] == [e.CancelReply(True)]


def test_one_that_goes_on_softly_is_silent_too_and_comes_back_as_loud_as_it_was() -> None:
    rules = TurnRules(overlap="duck")
    _, actions, _ = after(*WORD[:2], rules=rules)
    assert [one for one in actions if not isinstance(one, e.Emit | e.OpenUtterance)] == [
        e.DuckPlayback(), e.PausePlayback(),
    ]  # fmt: skip
    assert told(actions, "reply.paused") == [{"ducked": True}, {}]
    talk, actions, _ = after(*WORD, final(4.7, "right"), rules=rules)
    assert isinstance(talk.phase, Replying) and actions.count(e.ResumePlayback()) == 1


def test_one_that_goes_on_already_is_silent_once_more() -> None:
    """A short sound without words: the reply went on, and then the spotter is done with it."""
    quiet = (e.VoiceStarted(4.0, 4.1), e.VoiceQuiet(4.4), e.VoicePaused(4.4), e.DeadlinePassed(4.8))
    talk, actions, _ = after(*quiet)
    assert isinstance(talk.phase, Overlapping) and not talk.phase.held and resumed(actions)
    talk, actions, _ = after(*quiet, e.StopSpotted(4.85, 2, "stop", 4.4))
    assert isinstance(talk.phase, Overlapping) and talk.phase.held
    assert [one for one in actions if isinstance(one, e.PausePlayback)] == [e.PausePlayback()] * 2


def test_one_that_ends_meanwhile_has_ended_and_the_stop_word_is_not_answered() -> None:
    talk, actions, _ = after(*WORD, e.ReplyFinished(4.5, "a story"), e.DeadlinePassed(5.2), e.DeadlinePassed(7.2))
    assert told(actions, "overlap.decided") == [{"kind": "stop"}] and isinstance(talk.phase, Listening)
    assert not any(isinstance(one, e.StartReply | e.Say) for one in actions)


@pytest.mark.parametrize("text", ["right", "mm-hm", "what about Paris"])
def test_words_that_are_known_to_be_others_are_believed(text: str) -> None:
    talk, actions, _ = after(WORD[0], e.Transcribed(4.3, 2, e.Transcript(text, False)), STOP)
    assert {"kind": "stop"} not in told(actions, "overlap.decided")


def test_the_plain_voice_of_somebody_else_is_not_obeyed_until_its_words_are_known() -> None:
    talk, actions, _ = after(WORD[0], e.SpeakerTold(4.4, 2, True), STOP)
    assert isinstance(talk.phase, Overlapping) and not told(actions, "overlap.decided")


def test_a_rest_of_echo_says_nothing() -> None:
    echo = Sounding(0.0, 0.4, -50, 0.4, 140, -14, 0.6, 0.05, 8, taken=14)
    frames = [e.Sounded(4.1 + n * 0.032, Sounding(4.1 + n * 0.032, *list_of(echo)[1:])) for n in range(10)]
    _, actions, _ = after(WORD[0], *frames, STOP)
    assert {"kind": "stop"} not in told(actions, "overlap.decided")


def list_of(sounding: Sounding) -> list[float]:
    return [getattr(sounding, name) for name in Sounding.__slots__]


def test_of_another_utterance_nothing_is_believed() -> None:
    talk, _, _ = after(WORD[0], e.StopSpotted(4.46, 1, "stop", 4.4))
    assert isinstance(talk.phase, Overlapping)
    talk, actions, _ = after(e.StopSpotted(4.46, 2, "stop", 4.4))
    assert isinstance(talk.phase, Replying) and not actions


def test_who_speaks_while_nobody_else_does_is_answered_whatever_is_spotted() -> None:
    talk, actions, _ = step(Conversation(), e.VoiceStarted(1.0), TurnRules())
    talk, _, _ = step(talk, e.StopSpotted(1.5, 1, "stop", 1.4), TurnRules())
    assert isinstance(talk.phase, Hearing) and talk.phase.utterance.stopped is None


def test_with_barge_in_speech_it_has_the_floor_already_and_is_not_answered() -> None:
    rules = TurnRules(barge_in="speech")
    talk, actions, _ = after(*WORD, final(4.6, "Stop."), e.DeadlinePassed(4.9), rules=rules)
    assert isinstance(talk.phase, Listening) and told(actions, "overlap.decided") == [{"kind": "floor"}]
    assert not any(isinstance(one, e.StartReply) and one.gate_open for one in actions)


def test_one_that_took_longer_than_the_floor_is_not_answered_either() -> None:
    late = e.StopSpotted(5.06, 2, "that is enough", 5.0)
    talk, actions, _ = after(
        WORD[0], e.DeadlinePassed(4.71), e.VoiceQuiet(5.0), late, e.VoicePaused(5.0), e.DeadlinePassed(5.5),
        e.DeadlinePassed(7.5),
    )  # fmt: skip
    assert told(actions, "overlap.decided") == [{"kind": "floor"}] and isinstance(talk.phase, Listening)
    assert told(actions, "user.ignored") == [{"reason": "empty", "text": "that is enough"}]


def test_what_is_listened_for_is_what_the_transcript_is_stopped_by() -> None:
    words = stop_words("en-GB")
    assert {"stop", "be quiet", "that's enough"} <= set(words) and "thats enough" not in words
    assert set(PHRASES) <= set(words)
    assert stop_words("xx") == ()
