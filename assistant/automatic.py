"""What to use where the config leaves it open: keys that are there, then what is installed. Pure; says what and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from assistant.config import Settings, with_provider
from assistant.ports import ParleyError, Stage


@dataclass(frozen=True, slots=True)
class Option:
    """A provider that may be taken unasked."""

    provider: str
    package: str | None
    """The Python package it needs."""
    key: str | None
    """The environment variable it needs."""
    why: str


OPTIONS: dict[Stage, tuple[Option, ...]] = {
    "stt": (
        Option("openai", "openai", "OPENAI_API_KEY", "OPENAI_API_KEY is set"),
        Option("faster-whisper", "faster_whisper", None, "runs on this machine"),
    ),
    "llm": (
        Option("anthropic", "anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY is set"),
        Option("openai", "openai", "OPENAI_API_KEY", "OPENAI_API_KEY is set"),
        Option("offline", None, None, "no key in the environment"),
    ),
    "tts": (Option("espeak-ng", "espeakng_loader", None, "runs on this machine"),),
}

MISSING: dict[Stage, str] = {
    "stt": "nothing is installed that can transcribe speech; install one with: pip install 'parley-voice[whisper]', "
    "or set OPENAI_API_KEY and install 'parley-voice[openai]'",
    "llm": "no language model can be used",
    "tts": "no voice is installed; get one with: pip install 'parley-voice[espeak]', or name one with --tts",
}


def choose(
    settings: Settings, environ: Mapping[str, str], installed: Callable[[str], bool]
) -> tuple[Settings, dict[Stage, str]]:
    """The settings with a provider for every stage, and for each stage why that one.

    Raises ParleyError when a stage is open and nothing that could fill it is here.
    """
    why: dict[Stage, str] = {}
    stages: tuple[Stage, ...] = ("stt", "llm", "tts")
    for stage in stages:
        if getattr(settings, stage).provider:
            why[stage] = "chosen"
            continue
        for option in OPTIONS[stage]:
            if (option.package is None or installed(option.package)) and (
                option.key is None or environ.get(option.key)
            ):
                settings = with_provider(settings, stage, option.provider)
                why[stage] = option.why
                break
        else:
            raise ParleyError(MISSING[stage])
    return settings, why
