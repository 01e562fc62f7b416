"""A text -> its sound in a file, sentence by sentence, each as soon as it is there."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Protocol

import numpy as np
from anyio import to_thread

from assistant.assemble import open_stage
from assistant.audio.wavfile import HEADER, PCM, UNKNOWN_SIZE, WavWriter
from assistant.config import Settings, scrub
from assistant.conversation.sentences import Sentences
from assistant.files import export
from assistant.observe._text import failure
from assistant.ports import FailedMidway, ParleyError, ProviderError, Samples, Synthesizer


class Failed(ParleyError):
    """The voice failed: nothing that the user got wrong."""

    exit_code = 1


class Sink(Protocol):
    """Takes sound at ``rate`` Hz. Opened, written to and closed by one task."""

    async def open(self, rate: int) -> None: ...

    async def write(self, samples: Samples) -> None: ...

    async def close(self, *, complete: bool) -> None: ...


class Blocking(Protocol):
    """The same for what is done in a thread: all of its methods block."""

    def open(self, rate: int) -> None: ...

    def write(self, samples: Samples) -> None: ...

    def close(self, *, complete: bool) -> None: ...


class InThread:
    """A Sink of one that blocks."""

    def __init__(self, sink: Blocking) -> None:
        self._sink = sink

    async def open(self, rate: int) -> None:
        await to_thread.run_sync(self._sink.open, rate)

    async def write(self, samples: Samples) -> None:
        await to_thread.run_sync(self._sink.write, samples)

    async def close(self, *, complete: bool) -> None:
        self._sink.close(complete=complete)


async def speak(text: AsyncIterator[str], settings: Settings, sink: Sink) -> int:
    """Speak the text into the sink and return the exit code. Raises ParleyError."""
    async with open_stage(settings, "tts", _failed) as voice:
        pieces = _sentences(text)
        first = await anext(pieces, None)
        if first is None:
            raise ParleyError("there is nothing to say: the text is empty; write some, or pipe it in with -")
        complete = False
        await sink.open(voice.rate)
        try:
            await _say(first, voice, sink)
            async for sentence in pieces:
                await _say(sentence, voice, sink)
            complete = True
        except BrokenPipeError:  # whoever played it has heard enough
            return 1
        finally:
            await sink.close(complete=complete)
    return 0


async def written(text: str) -> AsyncIterator[str]:
    """A text that is there."""
    yield text


async def typed() -> AsyncIterator[str]:
    """Standard input, line by line, as it comes."""
    if sys.stdin is None:
        raise ParleyError("standard input is closed; give the text as an argument")
    try:
        while line := await to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            yield line
    except UnicodeDecodeError:
        raise ParleyError("standard input is no text that can be read; write it in UTF-8") from None


async def _sentences(text: AsyncIterator[str]) -> AsyncIterator[str]:
    sentences = Sentences()
    async for piece in text:
        for sentence in sentences.push(piece):
            yield sentence
    for sentence in sentences.flush():
        yield sentence


async def _say(sentence: str, voice: Synthesizer, sink: Sink) -> None:
    """A voice that fails midway is followed by the next one, with the whole sentence again: the file is no talk."""
    while True:
        try:
            async with aclosing(voice.speak(sentence)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    if len(chunk.samples):
                        await sink.write(chunk.samples)
            return
        except FailedMidway:
            continue
        except ProviderError as error:
            raise Failed(f"the voice failed: {scrub(str(error))}") from error


def _failed(stage: str, provider: str, error: str, following: str | None) -> None:
    if following is not None:
        print(f"parley: {failure(stage, provider, error, following)}", file=sys.stderr)  # noqa: T201


class SoundFile:
    """A file of any format that `export` writes. A WAV file can be played while it is being written."""

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        """Raises ParleyError for a place or a format that cannot be written."""
        export.check(path)
        if path.exists() and not overwrite:
            raise ParleyError(f"{path} is there already; add --overwrite to replace it, or choose another name")
        self._path = path
        self._is_wav = path.suffix.lower() == ".wav"
        self._wav = path if self._is_wav else path.with_name(f".{os.getpid()}.{path.stem}.wav")
        self._file: WavWriter

    def open(self, rate: int) -> None:
        try:
            self._file = WavWriter(self._wav, rate)
        except ParleyError as error:
            raise ParleyError(str(error).replace(str(self._wav), str(self._path))) from None

    def write(self, samples: Samples) -> None:
        try:
            self._file.append(samples)
            self._file.flush()
        except OSError as error:
            raise self._full(error) from None

    def close(self, *, complete: bool) -> None:
        """A WAV file keeps what was said; of another format there is a file only when it is complete."""
        try:
            self._file.close()
            if not self._file.length:
                self._wav.unlink()
            if complete and not self._is_wav:
                export.export(export.load(self._wav), self._path)
        except OSError as error:
            if complete:
                raise self._full(error) from None
        finally:
            if not self._is_wav:
                self._wav.unlink(missing_ok=True)

    def _full(self, error: OSError) -> ParleyError:
        return Failed(f"{self._path} cannot be written any further ({error.strerror}); make room for it")


class StandardOutput:
    """A WAV stream for a player: its length stands as unknown in its header."""

    def __init__(self) -> None:
        if sys.stdout is None or sys.stdout.isatty():
            raise ParleyError(
                "sound is not for a terminal; pipe it into a player, for example: parley say Hi -o - | aplay"
            )

    def open(self, rate: int) -> None:
        form = (b"fmt ", 16, PCM, 1, rate, 2 * rate, 2, 16)
        self._put(HEADER.pack(b"RIFF", UNKNOWN_SIZE, b"WAVE", *form, b"data", UNKNOWN_SIZE))

    def write(self, samples: Samples) -> None:
        self._put(np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes())

    def close(self, *, complete: bool) -> None:
        """Nothing is left to write."""

    def _put(self, data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
