"""The bench's work is what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from assistant.audio.wavfile import open_wav
from assistant.bench import work
from assistant.config import load
from assistant.conversation.endpoint import reads_complete
from assistant.conversation.meaning import same_meaning
from providers.scripted import tokens


def test_the_critical_paths_are_the_sums_of_the_known_delays() -> None:
    paths = [row.path_ms for row in (work.TURNS, work.DRAFTS, work.SLOW, work.THROWN_AWAY, work.STREAMED)]
    assert paths == [680, 580, 780, 580, 420]


def test_the_partials_of_every_second_utterance_are_wrong_where_drafts_are_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    spoken = [work.Spoken(at, at + 2.08) for at in (1.0, 9.0, 17.0)]
    path.write_text(work.THROWN_AWAY.config(spoken), "utf-8")
    settings = load(config_file=path, profile=None, environ={}, flags={}, cwd=tmp_path).settings
    assert [line.get("misheard") for line in settings.stt.options["lines"]] == [None, work.MISHEARD, None]
    assert not same_meaning(work.MISHEARD, work.TEXT)
    assert reads_complete(work.MISHEARD) and reads_complete(work.TEXT), "a draft is begun on either"


def test_the_reply_is_forty_tokens_in_four_sentences_of_ten() -> None:
    parts = tokens(work.REPLY)
    assert len(parts) == 40
    assert [index for index, token in enumerate(parts) if token == "."] == [9, 19, 29, 39]
    assert len("".join(parts).split()) == work.WORDS


def test_the_utterances_lie_where_they_are_said_to(tmp_path: Path) -> None:
    lines = work.microphone(tmp_path / "mic.wav", work.BARGE_IN, 4)
    with open_wav(tmp_path / "mic.wav") as reader:
        wave = reader.read(reader.frames)
    utterance = work.speech()
    for line in lines:
        first = round(line.start * 16_000)
        assert np.allclose(wave[first : first + len(utterance)], utterance, atol=1e-4)
        assert line.end - line.start == pytest.approx(len(utterance) / 16_000)
    offsets = {round(line.start * 16_000) % 512 for line in lines}
    assert len(offsets) == 4, "they lie differently to the 32 ms grid"


ROWS = [work.TURNS, work.DRAFTS, work.SLOW, work.THROWN_AWAY, work.STREAMED, work.BARGE_IN]


@pytest.mark.parametrize("scenario", ROWS, ids=lambda s: s.name)
def test_every_rows_config_is_one_that_parley_takes(scenario: work.Scenario, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(scenario.config([work.Spoken(1.0, 3.08)]), "utf-8")
    settings = load(config_file=path, profile=None, environ={}, flags={}, cwd=tmp_path).settings
    assert settings.turn.drafts is scenario.drafts
    assert settings.stt.options["lines"][0]["text"] == work.TEXT
