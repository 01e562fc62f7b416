"""What can be set: one frozen struct a TOML table, attribute names = TOML keys, defaults = the documented ones.

These structs are the only place where keys, types, ranges and choices are written down: `schema.py` reads them to judge
what a user wrote and to say what would have been valid.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, structs

Language = Annotated[
    str,
    Meta(
        pattern=r"^(auto|[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*)\Z",
        description='"auto" or a language code such as "en" or "pt-BR"',
    ),
]
Probability = Annotated[float, Meta(ge=0, le=1)]
Milliseconds = Annotated[int, Meta(ge=0, le=60_000)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Names = Annotated[tuple[str, ...], Meta(description='a list of provider names, for example ["openai"]')]
Functions = Annotated[
    tuple[str, ...], Meta(description='a list of functions, for example ["get_time", "my_package.lamps:switch"]')
]
Phrases = Annotated[tuple[str, ...], Meta(description='a list of English words or phrases, for example ["stop"]')]
Options = dict[str, Any]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the config."""

    def __repr__(self) -> str:
        """Without tables that the user fills as he likes: options may hold keys."""
        shown = (f"{name}={value!r}" for name, value in structs.asdict(self).items() if not isinstance(value, dict))
        return f"{type(self).__name__}({', '.join(shown)})"


class Assistant(Table, frozen=True):
    prompt: str = "default"
    """A name in prompts/ or a path."""
    language: Language = "auto"


class Vad(Table, frozen=True):
    provider: str = "silero"
    runtime: Literal["onnx", "torch"] = "onnx"
    threshold: Probability = 0.5
    threshold_speaking: Probability = 0.3
    """While the assistant speaks, after echo cancelling."""
    threshold_thinking: Probability = 0.5
    """While an answer is on its way and nothing of it is heard yet."""
    min_speech_ms: Milliseconds = 96
    min_speech_speaking_ms: Milliseconds = 64
    """With barge_in = "words": how much of a voice holds the assistant's. What it is, is decided afterwards."""
    pre_roll_ms: Milliseconds = 500


class Stt(Table, frozen=True):
    provider: str = ""
    """Empty, here and in `Llm` and `Tts`: not chosen by the user, so what is installed and has a key is taken."""
    model: str = ""
    """A name, a directory, or realtime, streaming, batch, accurate. Empty: the provider's own default."""
    language: Language = "auto"
    """"auto": as `Assistant.language` says."""
    fallback: Names = ()
    fast: str = ""
    """For "hybrid": NAME[:MODEL]."""
    accurate: str = ""
    """For "hybrid": NAME[:MODEL]."""
    options: Options = {}


class Llm(Table, frozen=True):
    provider: str = ""
    model: str = ""
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] = 400
    fallback: Names = ()
    options: Options = {}


class Tts(Table, frozen=True):
    provider: str = ""
    model: str = ""
    voice: str = ""
    speed: Annotated[float, Meta(ge=0.25, le=4)] = 1.0
    cache: bool = True
    fallback: Names = ()
    short: str = ""
    """For "route": NAME[:MODEL] for texts of at most `limit` characters."""
    long: str = ""
    """For "route": NAME[:MODEL] for the others."""
    limit: Annotated[int, Meta(ge=1, le=100_000)] = 50
    options: Options = {}


class Tools(Table, frozen=True):
    """Functions that the model may call."""

    functions: Functions = ()
    """The names under which installed packages offer them, or package.module:function."""
    timeout: Seconds = 20.0
    """Seconds that a call may take."""
    filler: str = "One moment."
    """Said while a call takes long and nothing else has been said yet; empty: nothing is."""


class Turn(Table, frozen=True):
    endpointing: Literal["fixed", "text", "smart-turn", "adaptive"] = "adaptive"
    detector: str = "auto"
    """Judges by the sound whether the user has finished. "auto": smart-turn, for "adaptive" only where its model is on
    this machine already. Empty: none."""
    silence_ms: Milliseconds = 200
    """fixed: exactly the wait; others: the least."""
    max_silence_ms: Milliseconds = 2500
    """Others than fixed: the most."""
    drafts: bool = True
    drafts_per_turn: Annotated[int, Meta(ge=0, le=100)] = 3
    draft_tokens_per_minute: Annotated[int, Meta(ge=0)] = 20_000
    """Another draft is begun only while fewer tokens than this were thrown away with drafts in the last minute."""
    barge_in: Literal["off", "speech", "words"] = "words"
    stop_spotter: str = "auto"
    """Hears stop words over the reply at once, without a transcript. "auto": pocketsphinx, where it is installed and
    the user may speak English. Empty: none."""
    stop_words: Phrases = ()
    """What it listens for; empty: what the transcript is stopped by."""
    speaker_gate: str = "off"
    """With barge_in = "words": whose voice alone may interrupt, as `parley enroll` knows it."""


class Audio(Table, frozen=True):
    input: str = ""
    output: str = ""
    echo_cancel: Literal["auto", "on", "off"] = "auto"
    noise_suppression: Literal["auto", "on", "off"] = "auto"
    overlap: Literal["pause", "duck"] = "pause"
    """What the assistant's voice does while somebody makes a sound over it, until it is clear what that is."""


class Instance(Table, frozen=True):
    """A named instance under [providers.NAME]: wherever a provider's name may stand, NAME may."""

    provider: str
    model: str = ""
    options: Options = {}


class Timeouts(Table, frozen=True):
    """Seconds."""

    connect: Seconds = 3.0
    first_byte: Seconds = 8.0
    gap: Seconds = 5.0


Dollars = Annotated[float, Meta(ge=0, le=1_000_000)]


class OwnPrice(Table, frozen=True, omit_defaults=True):
    """What a provider costs the user, in US dollars, in place of the table's. What is left out costs nothing."""

    input: Dollars = 0.0
    """This and the next five: for 1,000,000 tokens. `cached` and `cache_write` left out: as `input`."""
    cached: Dollars = 0.0
    cache_write: Dollars = 0.0
    output: Dollars = 0.0
    audio_input: Dollars = 0.0
    audio_output: Dollars = 0.0
    minute: Dollars = 0.0
    """Of sound."""
    hour: Dollars = 0.0
    billed: Literal["sound", "requests", "open"] = "sound"
    """Which seconds: of the sound, of the sound in every request, or while the connection is open."""
    characters: Dollars = 0.0
    """For 1,000."""


class OwnPrices(Table, frozen=True):
    """By the name of a provider or an instance, or by NAME:MODEL."""

    stt: dict[str, OwnPrice] = {}
    llm: dict[str, OwnPrice] = {}
    tts: dict[str, OwnPrice] = {}


class Cost(Table, frozen=True):
    budget: Dollars = 0.0
    """US dollars a session; 0: no limit."""
    on_budget: Literal["warn", "stop"] = "warn"
    prices: OwnPrices = OwnPrices()


class Settings(Table, frozen=True):
    """Everything that is in force, after all layers and the profile."""

    profile: str = "auto"
    assistant: Assistant = Assistant()
    vad: Vad = Vad()
    stt: Stt = Stt()
    llm: Llm = Llm()
    tts: Tts = Tts()
    tools: Tools = Tools()
    turn: Turn = Turn()
    audio: Audio = Audio()
    timeouts: Timeouts = Timeouts()
    cost: Cost = Cost()
    providers: dict[str, Instance] = {}
    profiles: dict[str, dict[str, Any]] = {}
    """Tables of the same form as the whole config, without `profile` and `profiles`."""


PLANNED_VALUES: dict[tuple[str, ...], tuple[str, ...]] = {}
"""Values that belong to the config's contract and are not built yet."""

PLANNED_PROVIDERS = {
    "stt": ("gemini", "moonshine"),
    "llm": (),
    "tts": ("gemini",),
}
"""The same for provider names; one that is registered is available, whatever stands here."""
