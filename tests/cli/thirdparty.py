"""A package of somebody else's, as it would be installed: its provider module and its entry points."""

from __future__ import annotations

from pathlib import Path

SOURCE = '''
"""Providers by a third party, which knows nothing of Parley but its ports."""

import time
from contextlib import asynccontextmanager

import anyio
import numpy as np

from assistant.conversation.events import Transcript
from assistant.ports import SpeechChunk, SynthesizerAbilities, TextDelta, TranscriberAbilities


@asynccontextmanager
async def model(options):
    """Says `answer`; blocks the event loop for `block` seconds first, as it should not."""
    yield Model(options)


class Model:
    name = "acme"

    def __init__(self, options):
        self.options = options

    async def reply(self, messages):
        time.sleep(self.options.get("block", 0.0))
        heard = messages[-1].text
        for word in self.options.get("answer", f"You said {heard}.").split(" "):
            await anyio.sleep(0.01)
            yield TextDelta(word + " ")


@asynccontextmanager
async def voice(options):
    """Three tones of 0.2 s; blocks the event loop for `block` seconds before the second."""
    yield Voice(options)


class Voice:
    name = "acme"
    rate = 16_000
    abilities = SynthesizerAbilities(word_times=False, streams_text=False)

    def __init__(self, options):
        self.options = options

    async def speak(self, text):
        tone = (0.3 * np.sin(2 * np.pi * 300 * np.arange(3200) / 16_000 + 0.5)).astype(np.float32)
        for index in range(3):
            if index == 1:
                time.sleep(self.options.get("block", 0.0))
            yield SpeechChunk(tone, ())


@asynccontextmanager
async def ears(options):
    """Understands `first` at once, and better, `then`, `later` seconds after that."""
    yield Ears(options)


class Ears:
    name = "acme"
    abilities = TranscriberAbilities(partials=False)

    def __init__(self, options):
        self.options = options

    @asynccontextmanager
    async def stream(self):
        yield Stream(self.options)


class Stream:
    def __init__(self, options):
        self.options = options
        self.until = 0.0
        self.asked = anyio.Event()

    def push(self, frame):
        self.until = frame.end

    def finish(self):
        self.asked.set()

    async def __aiter__(self):
        await self.asked.wait()
        yield Transcript(self.options["first"], True, self.until, language="en", provider="acme")
        await anyio.sleep(self.options["later"])
        yield Transcript(self.options["then"], True, self.until, language="en", provider="acme")
        await anyio.sleep_forever()
'''

ENTRY_POINTS = """
[parley.llm]
acme = acme.providers:model

[parley.tts]
acme = acme.providers:voice
"""


def install(folder: Path) -> dict[str, str]:
    """Install it into ``folder``; returns the environment in which Python finds it there."""
    package, metadata = folder / "acme", folder / "acme-1.0.dist-info"
    package.mkdir(parents=True)
    metadata.mkdir()
    (package / "__init__.py").touch()
    (package / "providers.py").write_text(SOURCE, "utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n", "utf-8")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS, "utf-8")
    return {"PYTHONPATH": str(folder)}
