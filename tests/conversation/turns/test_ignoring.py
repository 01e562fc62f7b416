"""A final without words, whose words were taken out, is an utterance that nobody answers."""

from __future__ import annotations

import pytest

from assistant.conversation import events as e
from assistant.conversation.turn import Listening

from .test_corrections import Talk, told


@pytest.mark.parametrize(
    ("invention", "reason"),
    [(e.Invention("Thank you.", "known"), "invented"), (e.Invention("", "no voice"), "noise"), (None, "empty")],
)
def test_it_is_ignored_and_the_event_says_why(invention: e.Invention | None, reason: str) -> None:
    talk = Talk()
    final = e.Transcript("", True, 2.1, provider="p", invention=invention)
    actions = talk.happens(e.VoiceStarted(1.0), e.VoiceQuiet(2.0), e.VoicePaused(2.0), e.Transcribed(2.12, 1, final))
    assert "StartReply" not in told(actions), "no draft begins on it"
    assert talk.deadline is not None
    actions = talk.happens(e.DeadlinePassed(talk.deadline))
    (ignored,) = [action for action in actions if isinstance(action, e.Emit) and action.event == "user.ignored"]
    data = dict(ignored.data)
    assert data["reason"] == reason
    assert data["text"] == ("Thank you." if reason == "invented" else "")
    assert data.get("why") == (None if invention is None else invention.why)
    assert not [action for action in actions if isinstance(action, e.StartReply | e.Say)]
    assert isinstance(talk.talk.phase, Listening)
