"""The voices of the configured provider: asked for, heard, and one of them written into the config."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from anyio import to_thread

from assistant import automatic
from assistant.catalogue.voices import Voices
from assistant.config import Settings, files_for, load, options_for
from assistant.config.choose import inner_names
from assistant.config.edit import change, read_table
from assistant.ports import ParleyError, ProviderError
from providers import registry
from providers._card import Card, VoiceInfo


class Failed(ParleyError):
    """The vendor or the network failed: nothing that the user got wrong."""

    exit_code = 1


async def listed(settings: Settings) -> Voices:
    """The voices of the provider under [tts]. Raises ParleyError."""
    name = settings.tts.provider
    if inner := [each for _, each in inner_names(settings, "tts", name)]:
        ways = " or ".join(f"parley voices {each}" for each in dict.fromkeys(inner))
        raise ParleyError(f"{name} is made of others and has no voices of its own; ask for theirs: {ways}")
    provider, options = options_for(settings, "tts")
    card = registry.card("tts", provider)
    try:
        known = await registry.voices(provider, options)
    except ProviderError as error:
        raise Failed(f"the voices of {name} cannot be listed: {error}; try it again later") from error
    except ParleyError:
        raise
    except Exception as error:  # somebody else wrote it
        why = f"{type(error).__name__}: {error}"
        raise Failed(f"the voices of {name} cannot be listed ({why}); tell whoever wrote that provider") from error
    some = [VoiceInfo(voice) for voice in card.voices] if card is not None else []
    return Voices(name, known or some, bool(known), _in_force(options, card))


def _in_force(options: Mapping[str, Any], card: Card | None) -> str:
    model = options.get("model") if card is not None and card.model_is_voice else None
    return str(model or options.get("voice") or (card.voices[0] if card is not None and card.voices else ""))


def speaking(settings: Settings, voice: str) -> Settings:
    """The settings with that voice and no other: what else would choose one is taken out, and there is no fallback."""
    table, name = settings.tts, settings.tts.provider
    card = registry.card("tts", options_for(settings, "tts")[0])
    others = {"voice", "model"} if card is not None and card.model_is_voice else {"voice"}

    def without(options: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in options.items() if key not in others}

    providers = dict(settings.providers)
    if name in providers:
        model = "" if "model" in others else providers[name].model
        providers[name] = msgspec.structs.replace(
            providers[name], model=model, options=without(providers[name].options)
        )
    tts = msgspec.structs.replace(
        table,
        voice=voice,
        model="" if "model" in others else table.model,
        options=without(table.options),
        fallback=(),
    )
    return msgspec.structs.replace(settings, tts=tts, providers=providers)


async def called(settings: Settings, voices: Voices, wanted: str) -> VoiceInfo:
    """The voice that a user means. Raises ParleyError.

    A provider that can be opened at no cost has the last word: it refuses what it cannot speak with, and may know more
    names than it lists.
    """
    unknown: ParleyError | None = None
    try:
        voice = voices.called(wanted)
    except ParleyError as error:
        voice, unknown = VoiceInfo(wanted), error
    if not _costs(settings):
        try:
            await _open(speaking(settings, voice.id))
            unknown = None
        except ParleyError as error:
            raise unknown or error from None
    if unknown is not None:
        raise unknown
    return voice


def _costs(settings: Settings) -> bool:
    """A key, a network, a download: or nobody knows."""
    provider, options = options_for(settings, "tts")
    card = registry.card("tts", provider)
    free = card is not None and not (card.key or card.address or card.server)
    return not free or registry.downloads("tts", provider, options)


async def _open(settings: Settings) -> None:
    provider, options = options_for(settings, "tts")
    if not registry.downloads("tts", provider, options):
        async with registry.find("tts", provider)(options):
            pass


@dataclass(frozen=True)
class Chosen:
    file: Path
    provider: str
    voice: str
    overruled: str = ""
    """What says otherwise, so that the choice does not count here; empty: it counts."""


async def choose(settings: Settings, voice: str, *, model: str | None, config_file: Path | None) -> Chosen:
    """Write ``voice`` of the provider under [tts] into the user's config file, or into the one that is read in its
    place. ``model``: to be chosen with it. Raises ParleyError."""
    name = settings.tts.provider
    card = registry.card("tts", options_for(settings, "tts")[0])
    path = files_for(config_file, os.environ, Path.cwd())[0]
    table = read_table(path, "tts")
    values: dict[str, Any] = {"voice": voice}
    if table.get("provider", "") != name:
        if table.get("provider") and (held := [key for key in ("model", "options") if table.get(key)]):
            raise ParleyError(
                f"{path}: [tts] has {' and '.join(held)} for {table['provider']}, which {name} must not get; take that "
                f'out, or write provider = "{name}" there yourself'
            )
        values = {"provider": name, **values}
    if card is not None and card.model_is_voice:
        values |= {"model": None} if "model" in table else {}
    elif model:
        values["model"] = model
    await to_thread.run_sync(change, path, "tts", values)
    return Chosen(path, name, voice, _overruled(name, voice, config_file))


def _overruled(name: str, voice: str, config_file: Path | None) -> str:
    """What takes the place of a voice that was just written, where anything does."""
    loaded = load(config_file=config_file, profile=None, environ=os.environ, flags={}, cwd=Path.cwd())
    settings, _ = automatic.decide(loaded.settings, stages=("tts",))
    if settings.tts.provider != name:
        return f"{loaded.origins['tts.provider'].place} chooses {settings.tts.provider}"
    provider, options = options_for(settings, "tts")
    taken = _in_force(options, registry.card("tts", provider))
    if taken == voice:
        return ""
    for key in ("tts.options.voice", f"providers.{name}.options.voice", "tts.model", "tts.voice"):
        origin = loaded.origins.get(key)
        if origin is not None and origin.kind != "default":
            return f"{origin.place} chooses {taken}"
    return f"{taken} is chosen elsewhere"
