"""When was each word of a known text said? By forced alignment with PocketSphinx, which brings its English model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from assistant.bench.endpointing.truth import Recording
from assistant.conversation.events import Word
from assistant.ports import CAPTURE_RATE, Samples
from providers.registry import importable

FRAMES = 100
"""A second, in PocketSphinx."""


class Aligner:
    """Loads the acoustic model once."""

    def __init__(self) -> None:
        pocketsphinx = importable("pocketsphinx", provider="aligning words", extra="offline")
        self._decoder: Any = pocketsphinx.Decoder(samprate=CAPTURE_RATE, loglevel="FATAL", lm=None)

    def words(self, samples: Samples, recording: Recording) -> Sequence[Word]:
        """The words of ``recording.text`` with their times; none where there is no text.

        A text that cannot be aligned (a word that the dictionary lacks) is spread over the speech by its letters.
        """
        text = (recording.text or "").split()
        if not text:
            return ()
        return self._aligned(samples, text) or _spread(recording, text)

    def _aligned(self, samples: Samples, text: Sequence[str]) -> Sequence[Word] | None:
        decoder = self._decoder
        if any(decoder.lookup_word(word) is None for word in text):
            return None
        try:
            decoder.set_align_text(" ".join(text))
            decoder.start_utt()
            decoder.process_raw((samples * 32767).astype("<i2").tobytes(), full_utt=True)
            decoder.end_utt()
            found = [each for each in decoder.seg() or () if each.word.split("(")[0] in set(text)]
        except RuntimeError:
            return None
        if len(found) != len(text):
            return None
        return [
            Word(word, each.start_frame / FRAMES, (each.end_frame + 1) / FRAMES)
            for word, each in zip(text, found, strict=True)
        ]


def _spread(recording: Recording, text: Sequence[str]) -> Sequence[Word]:
    """Each word by its share of the letters, over the time in which the recording is spoken: not its pauses."""
    voiced, at = [], recording.start
    for start, end in (*recording.holds, (recording.end, recording.end)):
        voiced.append((at, start))
        at = end
    edges = np.cumsum([0.0, *(end - start for start, end in voiced)])
    letters = np.cumsum([0.0, *(len(word) + 1 for word in text)])

    def when(share: float) -> float:
        spoken = share * edges[-1]
        stretch = min(int(np.searchsorted(edges, spoken - 1e-9, side="left")), len(voiced)) - 1
        return float(voiced[max(0, stretch)][0] + spoken - edges[max(0, stretch)])

    times = [when(share) for share in letters / letters[-1]]
    return [Word(word, start, end) for word, start, end in zip(text, times, times[1:], strict=False)]
