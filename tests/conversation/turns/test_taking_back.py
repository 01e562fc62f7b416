"""Ends that were none: decided on the sound, taken back by the words or by a user who goes on."""

from __future__ import annotations

from assistant.conversation import events as e
from assistant.conversation.endpoint import EndpointRules
from assistant.conversation.turn import Conversation, Endpointing, Hearing, Replying, TurnRules, step

RULES = TurnRules(EndpointRules("adaptive"), drafts=False)


class Talk:
    """The rules, fed one happening after another."""

    def __init__(self, rules: TurnRules = RULES) -> None:
        self.rules = rules
        self.now = Conversation()
        self.deadline: float | None = None
        self.done: list[e.Action] = []

    def __call__(self, *happenings: e.Happening) -> Talk:
        for happening in happenings:
            self.now, actions, self.deadline = step(self.now, happening, self.rules)
            self.done += actions
        return self

    def wait(self) -> float:
        """Let the deadline pass."""
        assert self.deadline is not None
        at = self.deadline
        self(e.DeadlinePassed(at))
        return at

    def emitted(self, name: str) -> int:
        return sum(isinstance(each, e.Emit) and each.event == name for each in self.done)


def said(start: float, end: float) -> tuple[e.Happening, ...]:
    return e.VoiceStarted(start), e.VoiceQuiet(end), e.VoicePaused(end)


def final(at: float, text: str, turn: int = 1) -> e.Transcribed:
    return e.Transcribed(at, turn, e.Transcript(text, True, language="en"))


def test_a_filler_that_ended_too_soon_is_waited_for_once_its_words_are_there() -> None:
    talk = Talk()(*said(1.0, 1.4))
    decided = talk.wait()
    assert decided < 1.8 and isinstance(talk.now.phase, Replying)
    talk(final(1.9, "ehm"))
    assert isinstance(talk.now.phase, Endpointing), "the decision is taken back"
    assert talk.deadline is not None and talk.deadline > 2.55
    talk(e.VoiceStarted(2.4))
    assert isinstance(talk.now.phase, Hearing) and talk.now.turn == 1, "it is still the same turn"


def test_a_short_answer_whose_words_come_late_is_answered_at_once() -> None:
    talk = Talk()(*said(1.0, 1.4))
    talk.wait()
    talk(final(1.9, "yes"))
    assert isinstance(talk.now.phase, Replying) and talk.now.phase.text == "yes"
    assert e.StartReply(1, "yes", True) in talk.done


def test_words_that_come_when_all_patience_is_over_are_answered_whatever_they_are() -> None:
    talk = Talk()(*said(1.0, 1.4))
    talk.wait()
    talk(final(6.0, "and the"))
    assert isinstance(talk.now.phase, Replying) and talk.now.phase.text == "and the"


def test_half_a_request_that_the_recogniser_does_not_know_is_waited_for_too() -> None:
    talk = Talk()(*said(1.0, 1.6))
    decided = talk.wait()
    assert decided < 2.0
    talk(e.Transcribed(2.1, 1, e.Transcript("", True, unintelligible=True)))
    assert isinstance(talk.now.phase, Endpointing) and talk.wait() >= 2.55
    assert talk.emitted("user.ignored") == 1


def test_a_filler_after_which_nothing_comes_is_answered_in_the_end() -> None:
    talk = Talk()(*said(1.0, 1.4))
    talk.wait()
    talk(final(1.9, "ehm"))
    talk.wait()
    assert isinstance(talk.now.phase, Replying) and talk.now.phase.text == "ehm"


def test_a_user_who_goes_on_before_anything_was_heard_continues_the_turn_and_teaches_a_pause() -> None:
    talk = Talk()(*said(1.0, 3.0), final(3.1, "what time is it"))
    talk.wait()
    assert isinstance(talk.now.phase, Replying)
    talk(e.VoiceStarted(3.8))
    phase = talk.now.phase
    assert isinstance(phase, Hearing) and phase.utterance.turn == 1 and phase.utterance.since == 1.0
    assert [round(each, 3) for each in phase.utterance.pauses] == [0.8]
    assert talk.now.habit.count == 1


def test_pauses_make_the_same_utterance_more_patient() -> None:
    once = Talk()(*said(1.0, 3.0))
    twice = Talk()(*said(1.0, 2.0), e.VoiceResumed(2.5), e.VoiceQuiet(3.0), e.VoicePaused(3.0))
    assert once.deadline is not None and twice.deadline is not None
    assert twice.deadline > once.deadline + 0.2


def test_a_detectors_answer_moves_the_deadline_of_its_own_silence_only() -> None:
    talk = Talk()(*said(1.0, 3.0))
    before = talk.deadline
    talk(e.EndJudged(3.15, 2.0, 0.99))
    assert talk.deadline == before, "it was about a silence that is over"
    talk(e.EndJudged(3.15, 3.0, 0.99))
    sure = talk.deadline
    talk(e.EndJudged(3.25, 3.0, 0.01))
    doubtful = talk.deadline
    assert sure is not None and doubtful is not None and sure + 0.2 < doubtful
    talk(e.VoiceResumed(3.3), e.VoiceQuiet(3.9), e.VoicePaused(3.9))
    phase = talk.now.phase
    assert isinstance(phase, Endpointing) and phase.utterance.complete == (), "another silence, other answers"


def test_an_answer_that_comes_before_the_pause_is_kept() -> None:
    talk = Talk()(e.VoiceStarted(1.0), e.VoiceQuiet(3.0), e.EndJudged(3.09, 3.0, 0.9), e.VoicePaused(3.0))
    phase = talk.now.phase
    assert isinstance(phase, Endpointing) and phase.utterance.complete == (0.9,)
