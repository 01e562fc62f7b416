"""A better transcript of what is answered already: it corrects the history and the screen, in bounded time."""

from __future__ import annotations

from assistant.conversation import events as e
from assistant.conversation.turn import Conversation, Listening, Replying, TurnRules, step

RULES = TurnRules()


class Talk:
    """The rules, fed with what happens."""

    def __init__(self) -> None:
        self.talk = Conversation()
        self.deadline: float | None = None

    def happens(self, *happenings: e.Happening) -> list[e.Action]:
        """What follows from the last of them."""
        actions: list[e.Action] = []
        for happening in happenings:
            self.talk, actions, self.deadline = step(self.talk, happening, RULES)
        return actions


def final(at: float, text: str, *, turn: int = 1, provisional: bool = False, until: float = 2.1) -> e.Transcribed:
    return e.Transcribed(at, turn, e.Transcript(text, True, until, provider="p", provisional=provisional))


def answered(*, provisional: bool = True) -> tuple[Talk, list[e.Action]]:
    """Somebody asked something from 1.0 to 2.0, and begins to hear the answer at 2.5."""
    talk = Talk()
    first = final(2.12, "what time is it", provisional=provisional)
    talk.happens(e.VoiceStarted(1.0), e.VoiceQuiet(2.0), e.VoicePaused(2.0), first)
    assert talk.deadline is not None
    talk.happens(e.DeadlinePassed(talk.deadline))
    return talk, talk.happens(e.ReplyAudible(2.5))


def told(actions: list[e.Action]) -> list[str]:
    return [action.event if isinstance(action, e.Emit) else type(action).__name__ for action in actions]


def test_without_a_promise_the_transcriber_is_closed_when_the_answer_is_heard() -> None:
    talk, actions = answered(provisional=False)
    assert told(actions) == ["reply.audible", "CloseUtterance"]
    assert talk.talk.left is None
    assert talk.deadline is None


def test_with_one_it_is_left_and_waited_for() -> None:
    talk, actions = answered()
    assert told(actions) == ["reply.audible", "LeaveUtterance"]
    assert talk.deadline == 2.5 + RULES.longest_correction


def test_the_better_transcript_corrects_the_question_and_touches_nothing_else() -> None:
    talk, _ = answered()
    actions = talk.happens(final(3.0, "what time was it"))
    revised, correct, close = actions
    assert revised == e.Emit(
        "user.transcript.revised", 2.1, 1, (("text", "what time was it"), ("before", "what time is it"))
    )
    assert (correct, close) == (e.CorrectUser(1, "what time was it"), e.CloseUtterance(1))
    assert isinstance(talk.talk.phase, Replying)
    assert talk.deadline is None
    assert talk.happens(final(3.1, "too late")) == []


def test_the_same_words_again_only_end_the_wait() -> None:
    talk, _ = answered()
    assert talk.happens(final(3.0, "what time is it")) == [e.CloseUtterance(1)]


def test_nothing_and_partials_take_no_words_back() -> None:
    talk, _ = answered()
    partial = e.Transcribed(2.8, 1, e.Transcript("what ti", False, 2.1))
    assert talk.happens(partial) == []
    assert talk.talk.left is not None
    assert talk.happens(final(3.0, "  ")) == [e.CloseUtterance(1)]


def test_it_goes_on_while_better_ones_are_promised() -> None:
    talk, _ = answered()
    assert told(talk.happens(final(3.0, "what time was it", provisional=True))) == [
        "user.transcript.revised", "CorrectUser",
    ]  # fmt: skip
    revised = talk.happens(final(3.5, "what times were it"))[0]
    assert isinstance(revised, e.Emit)
    assert dict(revised.data)["before"] == "what time was it"


def test_it_goes_on_beside_the_end_of_the_answer_and_the_next_request() -> None:
    talk, _ = answered()
    talk.happens(e.ReplyFinished(3.0, "Nine."))
    assert isinstance(talk.talk.phase, Listening)
    assert talk.deadline == 12.5
    talk.happens(e.VoiceStarted(4.0))
    before = talk.talk.phase
    assert told(talk.happens(final(4.5, "what time was it"))) == [
        "user.transcript.revised", "CorrectUser", "CloseUtterance",
    ]  # fmt: skip
    assert talk.talk.phase == before


def test_it_ends_when_it_has_failed_or_taken_too_long() -> None:
    for end in (e.TranscriptionFailed(4.0, 1), e.DeadlinePassed(12.5)):
        talk, _ = answered()
        talk.happens(e.ReplyFinished(3.0, "Nine."))
        assert talk.happens(end) == [e.CloseUtterance(1)]
        assert talk.deadline is None


def test_only_one_is_waited_for_at_a_time() -> None:
    talk, _ = answered()
    talk.happens(e.ReplyFinished(3.0, "Nine."))
    second = final(5.12, "and now", turn=2, provisional=True, until=5.1)
    talk.happens(e.VoiceStarted(4.0), e.VoiceQuiet(5.0), e.VoicePaused(5.0), second)
    assert talk.deadline is not None
    talk.happens(e.DeadlinePassed(talk.deadline))
    actions = talk.happens(e.ReplyAudible(5.5))
    assert [action for action in actions if not isinstance(action, e.Emit)] == [
        e.CloseUtterance(1), e.LeaveUtterance(2),
    ]  # fmt: skip


def test_a_mute_does_not_end_it() -> None:
    talk, _ = answered()
    talk.happens(e.ReplyFinished(3.0, "Nine."), e.Mute(3.1))
    assert told(talk.happens(final(3.5, "what time was it")))[0] == "user.transcript.revised"


def test_before_anything_is_heard_the_promise_may_be_kept_already() -> None:
    talk = Talk()
    talk.happens(e.VoiceStarted(1.0), e.VoiceQuiet(2.0), e.VoicePaused(2.0), final(2.12, "yes", provisional=True))
    assert talk.deadline is not None
    talk.happens(e.DeadlinePassed(talk.deadline), final(2.3, "yes"))
    assert told(talk.happens(e.ReplyAudible(2.5))) == ["reply.audible", "CloseUtterance"]
