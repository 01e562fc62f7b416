"""What the ears made of a recording, under one policy -> when the loop would have decided. Runs the real turn rules.

Text is the reference transcript: a partial for each word a lag after its end, and a final a lag after the last voiced
sample once the rules ask for one. An answer is heard ANSWERED seconds after each decision unless the user has gone on,
so a later voice is a new utterance, as in a conversation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from assistant.bench.endpointing.sound import Heard
from assistant.conversation import events as e
from assistant.conversation.evidence import EndpointRules
from assistant.conversation.turn import Conversation, Endpointing, Hearing, Replying, TurnRules, step, turn_of

ANSWERED = 1.0
"""Seconds from a decision to the first sound of its answer, which ends the utterance for good."""
SLACK = 0.1
"""Seconds by which an aligned word may end after the last voiced sample and still be before the silence."""


def decisions(heard: Heard, rules: EndpointRules, words: Sequence[e.Word] = (), lag: float = 0.0) -> list[float]:
    """Seconds of each decision of the policy in ``rules``, in order."""
    return _Replay(heard, rules, words, lag).run()


class _Replay:
    def __init__(self, heard: Heard, rules: EndpointRules, words: Sequence[e.Word], lag: float) -> None:
        self._rules = TurnRules(rules, drafts=False, barge_in="off")
        self._heard = heard
        self._words = words
        self._lag = lag
        self._talk = Conversation()
        self._deadline: float | None = None
        self._answered = math.inf
        self._final = math.inf
        self._since = 0.0
        """Where the utterance began."""
        self._quiet = 0.0
        self._decided: list[float] = []

    def run(self) -> list[float]:
        coming = 0
        spoken = 0
        known, happenings = self._heard.known_at, self._heard.happenings
        while True:
            times = (
                known[coming] if coming < len(known) else math.inf,
                self._words[spoken].end + self._lag if spoken < len(self._words) else math.inf,
                self._final,
                math.inf if self._deadline is None else self._deadline,
                self._answered,
            )
            at = min(times)
            if at > self._heard.seconds:
                return self._decided
            which = times.index(at)
            if which == 0:
                coming += 1
                self._sound(happenings[coming - 1])
            elif which == 1:
                spoken += 1
                self._say(at, self._words[spoken - 1].end, final=False)
            elif which == 2:
                self._final = math.inf
                self._say(at, self._quiet, final=True)
            elif which == 3:
                self._step(e.DeadlinePassed(at))
            else:
                self._answer(at)

    def _sound(self, happening: e.Voice | e.EndJudged) -> None:
        if isinstance(happening, e.VoiceQuiet | e.VoicePaused):
            self._quiet = happening.at
        hearing = isinstance(self._talk.phase, Hearing | Endpointing)
        if isinstance(happening, e.VoiceResumed) and not hearing:
            happening = e.VoiceStarted(happening.at)  # to whom has decided, the next voice is news
        self._step(happening)

    def _say(self, at: float, until: float, *, final: bool) -> None:
        turn = turn_of(self._talk.phase)
        text = " ".join(w.text for w in self._words if w.end <= until + SLACK and w.end > self._since)
        if turn is not None and self._words:
            self._step(e.Transcribed(at, turn, e.Transcript(text, final, until, "en")))

    def _answer(self, at: float) -> None:
        self._answered = math.inf
        phase = self._talk.phase
        if not isinstance(phase, Replying) or phase.utterance is None:
            return
        if phase.text is None:
            self._step(e.Transcribed(at, phase.utterance.turn, e.Transcript("whatever it was", True)))
        self._step(e.ReplyAudible(at))
        self._step(e.ReplyFinished(at, "the answer"))

    def _step(self, happening: e.Happening) -> None:
        self._talk, actions, self._deadline = step(self._talk, happening, self._rules)
        if isinstance(happening, e.VoiceStarted | e.VoiceResumed):
            self._answered = self._final = math.inf
        for action in actions:
            match action:
                case e.Emit("turn.endpoint"):
                    self._decided.append(happening.at)
                    self._answered = happening.at + ANSWERED
                case e.OpenUtterance(_, since):
                    self._since = since
                case e.HurryTranscript() if self._words:
                    self._final = max(happening.at, self._quiet + self._lag)
                case _:
                    pass
