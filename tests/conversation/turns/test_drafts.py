"""Drafts begin as early as they pay, answers may be heard before the final, and what that wastes is bounded."""

from __future__ import annotations

import pytest

from assistant.conversation import events as e
from assistant.conversation.endpoint import EndpointRules
from assistant.conversation.turn import (
    Conversation,
    Endpointing,
    Hearing,
    Listening,
    Replying,
    TurnRules,
    step,
)
from assistant.conversation.turns.drafts import MINUTE, SETTLED, SETTLED_BY

RULES = TurnRules(EndpointRules("fixed", silence=0.2))


class Talk:
    """The rules, fed with what happens; ``done`` is what followed from the last of it."""

    def __init__(self, rules: TurnRules = RULES) -> None:
        self.rules = rules
        self.now = Conversation()
        self.deadline: float | None = None
        self.done: list[e.Action] = []

    def __call__(self, *happenings: e.Happening) -> Talk:
        for happening in happenings:
            self.now, self.done, self.deadline = step(self.now, happening, self.rules)
        return self

    def wait(self) -> Talk:
        """Let the deadline pass."""
        assert self.deadline is not None
        return self(e.DeadlinePassed(self.deadline))

    @property
    def does(self) -> list[str]:
        return [type(action).__name__ for action in self.done if not isinstance(action, e.Emit)]

    @property
    def tells(self) -> list[str]:
        return [action.event for action in self.done if isinstance(action, e.Emit)]

    @property
    def phase(self) -> object:
        return self.now.phase


def partial(at: float, text: str, until: float | None = None, *, turn: int = 1) -> e.Transcribed:
    return e.Transcribed(at, turn, e.Transcript(text, False, until, language="en"))


def final(at: float, text: str, until: float | None = None, *, turn: int = 1) -> e.Transcribed:
    return e.Transcribed(at, turn, e.Transcript(text, True, until, language="en"))


SAID = (e.VoiceStarted(1.0), e.VoiceQuiet(2.0), e.VoicePaused(2.0))


def answered_early(rules: TurnRules = RULES) -> Talk:
    """The pause is over, a partial has it all, and the final is still to come."""
    return Talk(rules)(*SAID, partial(2.1, "what time is it", 2.0), e.DeadlinePassed(2.2))


# --- when a draft is begun --------------------------------------------------------------------------------------------


def test_a_partial_that_has_it_all_is_drafted_in_the_silence() -> None:
    assert Talk()(*SAID, partial(2.1, "what time is it", 1.95)).does == ["StartReply"]


def test_a_partial_that_lags_behind_the_voice_is_not() -> None:
    assert Talk()(*SAID, partial(2.1, "what time is it", 1.7)).does == []


def test_words_that_do_not_change_are_drafted_although_there_is_voice() -> None:
    talk = Talk()(e.VoiceStarted(1.0), partial(2.0, "what time is it", 1.9))
    assert talk.does == [] and talk.deadline == pytest.approx(2.0 + SETTLED)
    assert talk.wait().does == ["StartReply"]
    assert isinstance(talk.phase, Hearing)
    assert talk.deadline == 1.0 + RULES.longest_utterance, "nothing is left to settle"


def test_the_same_words_again_settle_no_later() -> None:
    talk = Talk()(e.VoiceStarted(1.0), partial(2.0, "what time is it", 1.9), partial(2.4, "What time is it?", 2.3))
    assert talk.deadline == pytest.approx(2.0 + SETTLED)


def test_a_recogniser_that_rarely_tells_news_is_given_more_time() -> None:
    talk = Talk()(e.VoiceStarted(1.0), partial(2.0, "what", 1.9), partial(3.5, "what time is it", 3.4))
    assert talk.deadline == pytest.approx(3.5 + SETTLED_BY * 1.5)


def test_words_that_something_must_follow_never_settle() -> None:
    talk = Talk()(e.VoiceStarted(1.0), partial(2.0, "what time is", 1.9))
    assert talk.deadline == 1.0 + RULES.longest_utterance


def test_words_from_before_a_pause_settle_anew() -> None:
    """They come once more from a recogniser that lags, and the user is saying others already."""
    talk = Talk()(e.VoiceStarted(1.0), partial(2.0, "set a timer", 1.9), e.VoiceQuiet(2.0), e.VoiceResumed(2.9))
    talk(partial(3.2, "set a timer", 3.0))
    assert talk.does == [] and talk.deadline == pytest.approx(3.2 + SETTLED)


def test_drafts_go_on_behind_the_commit_while_the_words_are_awaited() -> None:
    talk = Talk()(*SAID, e.DeadlinePassed(2.2), partial(2.3, "what time is it"))
    assert talk.does == ["StartReply"] and isinstance(talk.phase, Replying)
    assert talk(final(2.5, "What time is it?", 2.2)).does == ["OpenGate", "CorrectUser"]


# --- which drafts are kept --------------------------------------------------------------------------------------------


def test_a_draft_is_kept_while_the_words_mean_the_same_or_stop_sooner() -> None:
    talk = Talk()(*SAID, partial(2.1, "what time is it", 2.0))
    assert talk(partial(2.12, "What time is it?", 2.0)).does == []
    assert talk(partial(2.14, "what time", 2.0)).does == []
    assert talk(final(2.16, "What time's it?", 2.0)).does == []


def test_a_draft_that_the_words_contradict_is_thrown_away_before_they_are_complete() -> None:
    talk = Talk()(*SAID, partial(2.1, "what time is it", 2.0))
    assert talk(partial(2.12, "what time is it and", 2.0)).does == ["CancelReply"]
    assert talk.tells[-1] == "reply.discarded"
    assert talk(partial(2.14, "what time is it and what day is it", 2.0)).does == ["StartReply"]


# --- heard before the final -------------------------------------------------------------------------------------------


def test_the_answer_may_be_heard_before_the_final() -> None:
    talk = answered_early()
    assert talk.does == ["OpenGate"]
    assert talk.tells[-2:] == ["reply.started", "state"]
    assert talk(e.ReplyAudible(2.4)).does == ["LeaveUtterance"], "the final is still wanted"
    assert talk(final(3.0, "what time is it", 2.1)).tells == ["user.transcript.final"]
    assert talk.does == ["CloseUtterance"]


def test_a_final_that_comes_in_time_and_says_the_same_changes_nothing() -> None:
    talk = answered_early()(final(2.3, "what time is it", 2.1))
    assert (talk.does, talk.tells) == ([], ["user.transcript.final"])
    assert talk(e.ReplyAudible(2.4)).does == ["CloseUtterance"]


def test_a_final_with_another_meaning_begins_the_answer_again_while_nothing_was_heard() -> None:
    talk = answered_early()(final(2.3, "what day is it", 2.1))
    assert talk.does == ["CancelReply", "StartReply"]
    assert talk.now.phase == Replying("answer", 1, talk.now.phase.utterance, "what day is it")  # type: ignore[union-attr]


def test_once_something_was_heard_it_corrects_the_history_alone() -> None:
    talk = answered_early()(e.ReplyAudible(2.4), final(3.0, "what day is it", 2.1))
    assert talk.done[1:] == [e.CorrectUser(1, "what day is it"), e.CloseUtterance(1)]
    assert isinstance(talk.phase, Replying)


def test_a_final_of_an_earlier_part_confirms_nothing() -> None:
    assert answered_early()(final(2.3, "what", 1.2)).does == []
    talk = answered_early()(e.ReplyAudible(2.4), final(2.5, "what", 1.2))
    assert talk.does == [] and talk.now.left is not None


def test_a_final_without_words_takes_the_answer_back() -> None:
    talk = answered_early()(final(2.3, "", 2.1))
    assert talk.does == ["CancelReply", "CloseUtterance", "EndTurn"]
    assert isinstance(talk.phase, Listening)


def test_a_final_that_says_that_more_will_come_takes_it_back_too() -> None:
    talk = Talk(TurnRules(EndpointRules("text", silence=0.2)))(*SAID, partial(2.1, "what time is it", 2.0)).wait()
    assert isinstance(talk.phase, Replying) and talk.phase.text == "what time is it"
    talk(final(2.5, "what time is it and", 2.2))
    assert talk.does == ["CancelReply", "StartReply"] and isinstance(talk.phase, Endpointing)
    assert e.StartReply(1, "what time is it and", gate_open=False) in talk.done


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (partial(2.1, "what time is it"), "it does not say up to when it has heard"),
        (partial(2.1, "what time is it", 1.7), "it has not heard all"),
        (partial(2.1, "what time is", 2.0), "it does not read as complete"),
    ],
)
def test_other_partials_wait_for_their_final(words: e.Transcribed, why: str) -> None:
    talk = Talk()(*SAID, words, e.DeadlinePassed(2.2))
    assert isinstance(talk.phase, Replying) and talk.phase.text is None, why


def test_who_wants_no_drafts_hears_nothing_before_the_final() -> None:
    talk = answered_early(TurnRules(RULES.endpoint, drafts=False))
    assert isinstance(talk.phase, Replying) and talk.phase.text is None
    assert talk(final(2.5, "what time is it", 2.1)).does == ["StartReply"]


# --- what it may cost -------------------------------------------------------------------------------------------------


def drafted_twice(rules: TurnRules, wasted: e.ThrownAway, at: float) -> Talk:
    """Something was thrown away, and at ``at`` there is something to draft."""
    said = (e.VoiceStarted(at - 1.1), e.VoiceQuiet(at - 0.1), e.VoicePaused(at - 0.1))
    return Talk(rules)(wasted, *said, partial(at, "what time is it", at - 0.1))


def test_what_was_thrown_away_in_the_last_minute_is_bounded() -> None:
    rules = TurnRules(RULES.endpoint, draft_tokens_per_minute=100)
    assert drafted_twice(rules, e.ThrownAway(5.0, 99), 10.0).does == ["StartReply"]
    assert drafted_twice(rules, e.ThrownAway(5.0, 100), 10.0).does == []
    assert drafted_twice(rules, e.ThrownAway(5.0, 100), 5.0 + MINUTE).does == ["StartReply"], "a minute is over"


def test_without_tokens_nothing_waits_for_words_to_settle() -> None:
    """A deadline that asks for what is not allowed would come for ever."""
    talk = Talk(TurnRules(RULES.endpoint, draft_tokens_per_minute=0))
    talk(e.VoiceStarted(1.0), partial(2.0, "what time is it", 1.9))
    assert talk.deadline == 1.0 + RULES.longest_utterance


def test_a_draft_that_failed_is_not_begun_again() -> None:
    talk = Talk()(*SAID, e.DeadlinePassed(2.2), partial(2.3, "what time is it"), e.ReplyFailed(2.35))
    assert talk(partial(2.4, "what time is it")).does == []
    assert talk(final(2.5, "what time is it", 2.1)).does == ["StartReply"], "the commit asks once more"
