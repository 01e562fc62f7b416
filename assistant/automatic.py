"""What to use where the config leaves it open: keys that are there, a local server, then what is installed.

`choose` is pure and says why; `decide` looks at this machine for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from assistant.config import Settings, leaves, with_provider
from assistant.ports import ParleyError, Stage

STAGES: tuple[Stage, ...] = ("stt", "llm", "tts")
SERVERS = "openai-compatible"
"""The provider for a local server."""


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server on this machine that speaks OpenAI's protocol and has a model to chat with."""

    base_url: str
    kind: str
    """Whose usual port it is: "Ollama", "llama.cpp", ..."""
    model: str


@dataclass(frozen=True, slots=True)
class Option:
    """A provider that may be taken unasked."""

    provider: str
    package: str | None
    """The Python package it needs."""
    key: str | None
    """The environment variable it needs."""
    extra: str
    """What of Parley's installs the package."""
    why: str
    fallback: bool = False
    """Takes over from the options before it that run on this machine too, should they fail."""
    if_here: bool = False
    """Not worth a download that nobody asked for."""


def _keyed(provider: str, key: str, package: str | None = None) -> Option:
    return Option(provider, package, key, provider, f"{key} is set")


OPTIONS: dict[Stage, tuple[Option, ...]] = {
    # The quickest to a final transcript first, and those that say themselves when the user has finished.
    "stt": (
        _keyed("deepgram", "DEEPGRAM_API_KEY"),
        _keyed("assemblyai", "ASSEMBLYAI_API_KEY"),
        _keyed("elevenlabs", "ELEVENLABS_API_KEY"),
        _keyed("cartesia", "CARTESIA_API_KEY"),
        _keyed("openai", "OPENAI_API_KEY", "openai"),
        Option("groq", "openai", "GROQ_API_KEY", "openai", "GROQ_API_KEY is set"),
        Option("faster-whisper", "faster_whisper", None, "whisper", "runs on this machine"),
        Option("pocketsphinx", "pocketsphinx", None, "pocketsphinx", "runs on this machine without a download", True),
    ),
    "llm": (
        _keyed("anthropic", "ANTHROPIC_API_KEY", "anthropic"),
        _keyed("openai", "OPENAI_API_KEY", "openai"),
        Option("gemini", "google.genai", "GEMINI_API_KEY", "gemini", "GEMINI_API_KEY is set"),
        Option("groq", "openai", "GROQ_API_KEY", "openai", "GROQ_API_KEY is set"),
        Option(SERVERS, "openai", None, "openai", ""),
        Option("offline", None, None, "", "no key in the environment and no local model server", True),
    ),
    # Those that tell when each word sounds and take text as it is written first.
    "tts": (
        _keyed("elevenlabs", "ELEVENLABS_API_KEY"),
        _keyed("cartesia", "CARTESIA_API_KEY"),
        _keyed("deepgram", "DEEPGRAM_API_KEY"),
        _keyed("assemblyai", "ASSEMBLYAI_API_KEY"),
        _keyed("openai", "OPENAI_API_KEY"),
        Option("piper", "piper", None, "piper", "its voice is on this machine", if_here=True),
        Option("espeak-ng", "espeakng_loader", None, "espeak", "runs on this machine", True),
    ),
}
SUCCESSORS = 2
"""Other services with a key that stand by, at most: one is enough nearly always, and each that fails costs a moment."""

MISSING: dict[Stage, str] = {
    "stt": "nothing is installed that can transcribe speech; install one with: pip install 'parley-voice[whisper]', "
    "or set DEEPGRAM_API_KEY, or another service's key",
    "llm": "no language model can be used",
    "tts": "no voice is installed; get one with: pip install 'parley-voice[espeak]', or name one with --tts",
}

Installed = Callable[[str], bool]
Known = Callable[[Stage, str], bool]
Here = Callable[[Settings, Stage, str], bool]


def choose(
    settings: Settings,
    environ: Mapping[str, str],
    installed: Installed,
    servers: Sequence[LocalServer] = (),
    *,
    stages: Sequence[Stage] = STAGES,
    known: Known = lambda stage, provider: True,
    here: Here = lambda settings, stage, provider: False,
) -> tuple[Settings, dict[Stage, str]]:
    """The settings with a provider for each of ``stages``, and for each why that one.

    ``known``: is there a provider of that name? ``here``: does it need no download? ``servers``: the local model
    servers that answered, best first. Raises ParleyError when a stage is open and nothing that could fill it is here.
    """
    why: dict[Stage, str] = {}
    for stage in stages:
        if getattr(settings, stage).provider:
            why[stage] = "chosen"
            continue
        options = (
            option
            for option in OPTIONS[stage]
            if known(stage, option.provider) and (not option.if_here or here(settings, stage, option.provider))
        )
        usable = [option for option in options if _usable(option, environ, installed, servers)]
        if not usable:
            raise ParleyError(MISSING[stage])
        taken = usable[0]
        settings = with_provider(settings, stage, taken.provider)
        why[stage] = taken.why
        if taken.provider == SERVERS:
            settings = _with_server(settings, servers[0])
            why[stage] = f"{servers[0].kind} answers at {servers[0].base_url}"
        passed = _passed_over(stage, taken, environ, installed)
        why[stage] = "; ".join(filter(None, (passed, why[stage])))
        settings = _with_fallback(settings, stage, [option.provider for option in _standing_by(stage, usable)])
    return settings, why


def _standing_by(stage: Stage, usable: Sequence[Option]) -> Sequence[Option]:
    """Who takes over from the first of ``usable`` when it fails."""
    taken, *others = usable
    here = [option for option in others if option.fallback]
    if taken.key is None:
        return here
    services = [option for option in others if option.key is not None][:SUCCESSORS]
    # A voice is a voice. The offline assistant and its recogniser are no substitute: they know a few requests.
    return [*services, *(here if stage == "tts" else ())]


def wants_server(settings: Settings, environ: Mapping[str, str], installed: Installed) -> bool:
    """Would a local model server be taken, if there was one?"""
    if settings.llm.provider:
        return False
    unknown = LocalServer("", "", "")
    usable = (option for option in OPTIONS["llm"] if _usable(option, environ, installed, (unknown,)))
    return next(usable).provider == SERVERS


def decide(
    settings: Settings, *, stages: Sequence[Stage] = STAGES, servers: Sequence[LocalServer] | None = None
) -> tuple[Settings, dict[Stage, str]]:
    """`choose` for this machine. Takes at most 0.3 s, and that only while it looks for a local model server.

    Call it outside of any event loop, or with the ``servers`` that were found.
    """
    if servers is None and "llm" in stages and wants_server(settings, os.environ, installed_here):
        import anyio

        from providers import _probe

        servers = [LocalServer(*found) for found in anyio.run(_probe.model_servers)]
    return choose(settings, os.environ, installed_here, servers or (), stages=stages, known=_is_known, here=_is_here)


def _is_known(stage: Stage, provider: str) -> bool:
    from providers import registry

    return provider in registry.names(stage)


def _is_here(settings: Settings, stage: Stage, provider: str) -> bool:
    try:
        return not _downloads(settings, stage, provider)
    except ParleyError:  # what the user wrote was meant for another one
        return False


def downloads(settings: Settings) -> bool:
    """The first choice of some stage begins with a download."""
    try:
        return any(_downloads(settings, stage, getattr(settings, stage).provider) for stage in STAGES)
    except ParleyError:
        return False  # told when it is opened


def _downloads(settings: Settings, stage: Stage, provider: str) -> bool:
    from providers import registry

    return any(registry.downloads(stage, *leaf) for leaf in leaves(settings, stage, provider))


def installed_here(package: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # of "google.genai" not even "google" is there; or something is half there
        return False


def lines(settings: Settings, why: Mapping[Stage, str]) -> list[str]:
    """One line a stage that was not the user's own choice: what, and why."""
    said = []
    for stage, reason in why.items():
        table = getattr(settings, stage)
        if reason != "chosen":
            said.append(f"{stage}: {table.provider}{f' with {table.model}' if table.model else ''} ({reason})")
    return said


def _usable(option: Option, environ: Mapping[str, str], installed: Installed, servers: Sequence[LocalServer]) -> bool:
    if option.provider == SERVERS and not servers:
        return False
    if option.key is not None and not environ.get(option.key, "").strip():
        return False
    return option.package is None or installed(option.package)


def _passed_over(stage: Stage, taken: Option, environ: Mapping[str, str], installed: Installed) -> str:
    """Keys that are there and cannot be used: their owner will wonder."""
    before = OPTIONS[stage][: OPTIONS[stage].index(taken)]
    return "; ".join(
        f"{option.key} is set, but the package {option.package} is missing (pip install 'parley-voice[{option.extra}]')"
        for option in before
        if option.key and option.package and environ.get(option.key, "").strip() and not installed(option.package)
    )


def _with_server(settings: Settings, server: LocalServer) -> Settings:
    """What the user wrote under [llm] stands."""
    table = settings.llm
    options = {"base_url": server.base_url, **table.options}
    llm = msgspec.structs.replace(table, model=table.model or server.model, options=options)
    return msgspec.structs.replace(settings, llm=llm)


def _with_fallback(settings: Settings, stage: Stage, names: Sequence[str]) -> Settings:
    table = getattr(settings, stage)
    if table.fallback or not names:
        return settings
    return msgspec.structs.replace(settings, **{stage: msgspec.structs.replace(table, fallback=tuple(names))})
