"""What the config decides about turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from assistant.conversation.endpoint import EndpointRules
from assistant.conversation.overlap import BargeIn, OverlapRules


@dataclass(frozen=True, slots=True)
class TurnRules:
    """What the config decides about turns."""

    endpoint: EndpointRules = field(default_factory=EndpointRules)
    drafts: bool = True
    drafts_per_turn: int = 3
    draft_tokens_per_minute: int = 20_000
    """Another draft is begun only while fewer of the model's tokens than this were thrown away in the last minute."""
    barge_in: BargeIn = "words"
    overlap: Literal["pause", "duck"] = "pause"
    """What happens to the reply while it is decided who has the floor."""
    overlaps: OverlapRules = field(default_factory=OverlapRules)
    stopped: float = 0.5
    """Seconds of silence behind a stop word that was spotted, after which nothing more is said in that utterance."""
    stop_doubted: float = 2.0
    """Seconds after that for which a transcript is waited for: it may say that this was a question after all."""
    longest_utterance: float = 60.0
    """Seconds after which an utterance is answered although it has not ended."""
    longest_transcription: float = 30.0
    """Seconds after the commit at which a transcript that has not come will not come. Providers have shorter limits."""
    longest_correction: float = 10.0
    """Seconds after the answer is heard for which a better transcript of its question is waited for."""
    apology: str = "Sorry, something went wrong just now. Please say that again."
    not_caught: str = "Sorry, I didn't catch that."
    """Said after speech that the recogniser did not understand."""
    worth_asking: float = 0.5
    """Seconds of voice from which on that is said: a cough or an "mm-hm" is no question."""
    times_asking: int = 2
    """How often in a row it is said: a television never says anything else."""
