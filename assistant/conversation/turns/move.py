"""One step's outcome while it is being put together."""

from __future__ import annotations

from dataclasses import replace

from assistant.conversation import events as e
from assistant.conversation.turns.phases import Conversation, Idle, Listening, Phase, Utterance, turn_of
from assistant.conversation.turns.rules import TurnRules


class Move:
    """The conversation that the step leaves, and what must be done about it, in order."""

    def __init__(self, talk: Conversation, at: float, rules: TurnRules) -> None:
        self.talk = talk
        self.at = at
        self.rules = rules
        self.actions: list[e.Action] = []

    def do(self, *actions: e.Action) -> None:
        self.actions.extend(actions)

    def emit(self, event: str, turn: int | None, at: float | None = None, /, **data: object) -> None:
        self.actions.append(e.Emit(event, at, turn, tuple(data.items())))

    def go(self, phase: Phase) -> None:
        """Into the state ``phase``; observers are told if it is another one."""
        before, after = type(self.talk.phase).__name__, type(phase).__name__
        if before != after:
            self.emit("state", turn_of(phase), **{"from": before, "to": after})
        self.talk = replace(self.talk, phase=phase)

    def rest(self) -> None:
        """Nobody speaks any more."""
        self.go(Idle() if self.talk.muted else Listening())

    def reply_begins(self, turn: int | None, kind: e.ReplyKind) -> None:
        """The observers hear that a reply is meant to be heard."""
        self.emit("reply.committed", turn)
        self.emit("reply.started", turn, kind=kind)

    def close(self, utterance: Utterance | None) -> None:
        """Its transcriber is needed no longer."""
        if utterance is not None:
            self.do(e.CloseUtterance(utterance.turn))

    def end_turn(self, turn: int | None) -> None:
        if turn is not None:
            self.do(e.EndTurn(turn))
