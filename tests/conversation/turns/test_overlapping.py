"""A voice over the reply: what each setting does to it, and what becomes of the reply."""

from __future__ import annotations

import pytest

from assistant.conversation import events as e
from assistant.conversation.overlap import OverlapRules
from assistant.conversation.turn import Conversation, Listening, Overlapping, Replying, TurnRules, step

GATED = OverlapRules(whose=1.5)


def replying() -> tuple[Conversation, float | None]:
    talk = Conversation(phase=Replying("answer", 1, None, "a story", audible=True), turn=1)
    return talk, None


def names(actions: list[e.Action]) -> list[str]:
    return [action.event if isinstance(action, e.Emit) else type(action).__name__ for action in actions]


def test_barge_in_speech_takes_the_floor_with_the_voice_itself() -> None:
    talk, actions, _ = step(replying()[0], e.VoiceStarted(4.0), TurnRules(barge_in="speech"))
    assert "CancelReply" in names(actions) and names(actions)[1] == "PausePlayback"
    assert type(talk.phase).__name__ == "Hearing"


def test_barge_in_words_holds_and_waits_for_them() -> None:
    talk, actions, deadline = step(replying()[0], e.VoiceStarted(4.0, 4.1), TurnRules(barge_in="words"))
    assert isinstance(talk.phase, Overlapping) and "CancelReply" not in names(actions)
    assert deadline == pytest.approx(4.7)


def test_a_recogniser_that_has_told_words_meanwhile_will_do_so_again() -> None:
    rules = TurnRules(barge_in="words")
    talk, _, _ = step(replying()[0], e.VoiceStarted(4.0, 4.1), rules)
    assert not talk.partials
    talk, _, _ = step(talk, e.Transcribed(4.4, 2, e.Transcript("mm-hm", False)), rules)
    talk, _, _ = step(talk, e.VoiceQuiet(4.45), rules)
    talk, _, _ = step(talk, e.DeadlinePassed(4.75), rules)
    assert isinstance(talk.phase, Replying) and talk.partials
    _, _, deadline = step(talk, e.VoiceStarted(6.0, 6.1), rules)
    assert deadline == pytest.approx(6.8)


@pytest.mark.parametrize(("text", "phase"), [("tell me", "Hearing"), ("right", "Overlapping")])
def test_a_transcript_of_the_first_of_two_words_that_comes_when_both_are_over(text: str, phase: str) -> None:
    """More words would change what "right" is, and would not what "tell me" is."""
    rules, (talk, _) = TurnRules(barge_in="words"), replying()
    for happening in (
        e.VoiceStarted(4.0, 4.1),
        e.VoiceQuiet(4.3),
        e.VoiceStarted(4.4),
        e.VoiceQuiet(4.6),
        e.Transcribed(4.7, 2, e.Transcript(text, False, until=4.3)),
    ):
        talk, _, _ = step(talk, happening, rules)
    assert type(talk.phase).__name__ == phase


def test_barge_in_off_hears_nothing() -> None:
    talk, actions, _ = step(replying()[0], e.VoiceStarted(4.0), TurnRules(barge_in="off"))
    assert isinstance(talk.phase, Replying) and not actions


def test_overlap_duck_plays_on_softly_and_pause_holds() -> None:
    for overlap_, action in (("duck", "DuckPlayback"), ("pause", "PausePlayback")):
        rules = TurnRules(barge_in="words", overlap=overlap_)  # type: ignore[arg-type]
        _, actions, _ = step(replying()[0], e.VoiceStarted(4.0, 4.1), rules)
        assert action in names(actions)


def test_a_stop_word_leaves_nothing_to_answer_and_the_history_has_it() -> None:
    rules = TurnRules(barge_in="words")
    talk, _, _ = step(replying()[0], e.VoiceStarted(4.0, 4.1), rules)
    talk, _, _ = step(talk, e.VoiceQuiet(4.4), rules)
    talk, _, _ = step(talk, e.Transcribed(4.45, 2, e.Transcript("Stop.", True)), rules)
    talk, actions, _ = step(talk, e.DeadlinePassed(4.55), rules)
    assert isinstance(talk.phase, Listening)
    assert e.KeepUser(2, "Stop.") in actions and "StartReply" not in names(actions)


def over_the_reply(*happenings: e.Happening) -> tuple[Conversation, list[e.Action]]:
    """What becomes of a voice from second 4 on, with the gate on, and all that was done meanwhile."""
    rules = TurnRules(barge_in="words", overlaps=GATED)
    talk, done, _ = step(replying()[0], e.VoiceStarted(4.0, 4.1), rules)
    everything = list(done)
    for happening in happenings:
        talk, done, _ = step(talk, happening, rules)
        everything += done
    return talk, everything


def reason_of(actions: list[e.Action]) -> object:
    (told,) = [action for action in actions if isinstance(action, e.Emit) and action.event == "user.ignored"]
    return dict(told.data)["reason"]


def test_the_television_gives_the_floor_back_at_once_and_is_ignored_when_it_ends() -> None:
    words = e.Transcribed(4.8, 2, e.Transcript("and now the news", False))
    other = e.SpeakerTold(5.2, 2, True)
    talk, actions = over_the_reply(words, other)
    assert isinstance(talk.phase, Overlapping) and not talk.phase.held
    assert "ResumePlayback" in names(actions) and "CancelReply" not in names(actions)
    talk, actions = over_the_reply(words, other, e.VoiceQuiet(7.0), e.DeadlinePassed(7.5))
    assert isinstance(talk.phase, Replying) and reason_of(actions) == "other_speaker"


def test_another_voice_that_goes_on_after_a_pause_does_not_hold_the_reply_again() -> None:
    other = e.SpeakerTold(5.2, 2, True)
    talk, actions = over_the_reply(other, e.VoiceQuiet(6.0), e.VoicePaused(6.0), e.VoiceResumed(6.3))
    assert isinstance(talk.phase, Overlapping) and not talk.phase.held
    assert names(actions).count("PausePlayback") == 1


def test_the_user_may_speak_up_while_another_voice_goes_on() -> None:
    theirs = e.SpeakerTold(6.2, 2, False)
    words = e.Transcribed(6.5, 2, e.Transcript("what about Paris", False))
    talk, actions = over_the_reply(e.SpeakerTold(5.2, 2, True), theirs, words)
    assert type(talk.phase).__name__ == "Hearing" and "CancelReply" in names(actions)


@pytest.mark.parametrize("end", [e.ReplyFinished(6.0, "a story"), e.ReplyFailed(6.0)])
def test_a_reply_that_ends_under_another_voice_ends_as_if_nobody_spoke(end: e.Happening) -> None:
    talk, actions = over_the_reply(e.SpeakerTold(5.2, 2, True), end)
    assert reason_of(actions) == "other_speaker" and "user.speech_started" not in names(actions)
    if isinstance(end, e.ReplyFinished):
        assert isinstance(talk.phase, Listening) and "reply.finished" in names(actions)
    else:
        assert isinstance(talk.phase, Replying) and talk.phase.kind == "apology"


def test_what_was_told_of_another_utterance_is_not_believed() -> None:
    talk, _ = over_the_reply(e.SpeakerTold(5.2, 1, True))
    assert isinstance(talk.phase, Overlapping) and talk.phase.held and talk.phase.other is None
