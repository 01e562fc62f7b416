"""Lines with times -> the four formats."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.conversation.events import Word
from assistant.files.subtitles import FORMATS, LINE, Line, cues

TWO = [Line(1.0, 2.5, "Good morning."), Line(3723.0042, 3725.0, "And <so> on & on.", "en")]


def test_plain_text() -> None:
    assert FORMATS["txt"](TWO, 3726.0) == "Good morning.\nAnd <so> on & on.\n"


def test_subrip() -> None:
    assert FORMATS["srt"](TWO, 3726.0) == (
        "1\n00:00:01,000 --> 00:00:02,500\nGood morning.\n\n2\n01:02:03,004 --> 01:02:05,000\nAnd <so> on & on.\n"
    )


def test_webvtt_escapes_its_markup() -> None:
    assert FORMATS["vtt"](TWO, 3726.0) == (
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nGood morning.\n"
        "\n01:02:03.004 --> 01:02:05.000\nAnd &lt;so&gt; on &amp; on.\n"
    )


def test_json_has_words_and_languages_where_they_are_known() -> None:
    lines = [Line(1.0, 2.0, "Ja, genau.", "de", (Word("Ja,", 1.0, 1.4), Word("genau.", 1.4, 2.0))), Line(3, 4, "Hm.")]
    assert json.loads(FORMATS["json"](lines, 5.0)) == {
        "duration": 5.0,
        "text": "Ja, genau. Hm.",
        "segments": [
            {
                "start": 1.0,
                "end": 2.0,
                "text": "Ja, genau.",
                "language": "de",
                "words": [{"word": "Ja,", "start": 1.0, "end": 1.4}, {"word": "genau.", "start": 1.4, "end": 2.0}],
            },
            {"start": 3, "end": 4, "text": "Hm."},
        ],
    }


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_silence_is_a_valid_file(kind: str) -> None:
    text = FORMATS[kind]([], 3.0)
    assert text in ("", "WEBVTT\n") or json.loads(text)["segments"] == []


def test_a_long_utterance_becomes_several_subtitles_of_two_lines() -> None:
    text = "This is a rather long sentence, as people say them when nobody stops them, and it goes on. " * 3
    shown = cues([Line(10.0, 28.0, text.strip())])
    assert len(shown) > 3
    assert " ".join(cue.text for cue in shown) == text.strip()
    assert shown[0].start == 10.0
    assert shown[-1].end == 28.0
    blocks = FORMATS["srt"]([Line(10.0, 28.0, text.strip())], 30.0).strip().split("\n\n")
    assert all(len(block.split("\n")) <= 4 for block in blocks)
    assert all(len(row) <= LINE + 12 for block in blocks for row in block.split("\n")[2:])


def test_parts_begin_with_their_words() -> None:
    words = [f"word{number}" for number in range(30)]
    times = tuple(Word(word, float(at), at + 0.5) for at, word in enumerate(words))
    shown = cues([Line(0.0, 29.5, " ".join(words), words=times)])
    for cue in shown:
        assert cue.start == float(words.index(cue.text.split()[0]))


def test_a_very_short_word_can_be_read() -> None:
    [yes, no] = cues([Line(1.0, 1.1, "Yes."), Line(1.4, 1.5, "No.")])
    assert (yes.end, no.end) == (1.4, pytest.approx(2.1))


lines_in_order = st.lists(
    st.tuples(st.floats(0.05, 5), st.floats(0, 5), st.text("abcdef .,", min_size=1, max_size=400)), max_size=8
)


@given(lines_in_order)
def test_subtitles_are_in_order_and_never_overlap(pieces: list[tuple[float, float, str]]) -> None:
    lines, at = [], 0.0
    for length, gap, text in pieces:
        lines.append(Line(at, at + length, text.strip() or "x"))
        at += length + gap
    shown = cues(lines)
    assert "".join("".join(cue.text.split()) for cue in shown) == "".join("".join(line.text.split()) for line in lines)
    for one, other in zip(shown, shown[1:], strict=False):
        assert one.start < one.end <= max(other.start, one.start + 0.001) + 1e-9
