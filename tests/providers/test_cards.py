"""What a provider's card says of it, and what it says once it is opened, are the same."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from assistant.ports import ChatAbilities, Stage, SynthesizerAbilities, TranscriberAbilities, abilities_of
from providers import registry
from providers._card import Card
from providers.whisper import SHIPPED
from tests.providers import humming

pytestmark = pytest.mark.anyio
KINDS = {"stt": TranscriberAbilities, "llm": ChatAbilities, "tts": SynthesizerAbilities}
STAGES: tuple[Stage, ...] = ("stt", "llm", "tts")
BUILT_IN = [
    (stage, entry.name)
    for stage in STAGES
    for entry in sorted(entry_points(group=f"parley.{stage}"))
    if entry.module.startswith("providers.")
]
NOBODY = "http://127.0.0.1:9"
"""The discard port, on which nothing listens."""


@pytest.mark.parametrize(("stage", "name"), BUILT_IN)
async def test_the_opened_provider_can_do_what_its_card_says(stage: Stage, name: str, tmp_path: Path) -> None:
    """With the default model; a wrapper's abilities are those of what it wraps."""
    card = registry.card(stage, name)
    if registry.wraps(stage, name):
        return
    assert isinstance(card, Card)
    async with registry.find(stage, name)(options(stage, name, card, tmp_path)) as opened:
        abilities = abilities_of(opened) if stage == "llm" else opened.abilities
        if name == "faster-whisper":  # the one model of it that is here knows all languages, the default English alone
            assert len(abilities.languages) == 100
            abilities = replace(abilities, languages=("en",))
        assert abilities == card.abilities
        if stage == "tts":
            assert opened.rate in card.rates


def options(stage: Stage, name: str, card: Card, folder: Path) -> dict[str, Any]:
    """Enough to open it, without a network."""
    given: dict[str, Any] = {}
    if card.key:
        given["api_key"] = "sk-nobodys-0123456789"
    if card.key or card.server:
        given["base_url"] = NOBODY
    if name == "faster-whisper":
        given["model"] = str(SHIPPED["parley-accurate"])
    if name == "piper":
        given["voice"] = str(humming.write(folder))
    return given


@pytest.mark.parametrize(("stage", "name"), BUILT_IN)
def test_a_card_is_whole(stage: Stage, name: str) -> None:
    card = registry.card(stage, name)
    assert isinstance(card, Card)
    assert isinstance(card.abilities, KINDS[stage])
    assert not card.extra or card.package, "an extra brings a package"
    assert not card.key or card.address, "a key is for a service, which is somewhere"
    assert not card.note.endswith("."), "a clause"
    assert all(card.voices), "a voice without a name is none"
    assert card.voices or stage != "tts" or not card.key, "a vendor's default voice is known"


def test_reading_all_cards_is_cheap() -> None:
    """No vendor's package, no engine and no model is loaded for it."""
    code = """
import sys
from providers import registry
for stage in ("stt", "llm", "tts"):
    for name in registry.names(stage):
        registry.card(stage, name)
print(*sys.modules)
"""
    modules = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    heavy = {
        "openai", "anthropic", "google.genai", "deepgram", "elevenlabs", "assemblyai", "cartesia", "groq",
        "httpx", "httpx2", "websockets.asyncio", "torch", "onnxruntime", "ctranslate2", "faster_whisper", "piper",
        "pocketsphinx", "espeakng_loader",
    }  # fmt: skip
    assert not heavy & modules
