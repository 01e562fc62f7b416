"""Wrappers by config, each in a whole conversation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.servers.compatible import CompatibleServer

from .serving import serving
from .talking import (
    REAL,
    RECORDED,
    Event,
    Outcome,
    drawn,
    one_sentence,
    run,
    scripted,
    side_by_side,
    sounds,
    stage_of,
    talk,
)

ONCE = drawn([(0.5, 1.1)], 1.4)
TWICE = drawn([(0.5, 1.1), (3.5, 4.1)], 4.4)
LINES = ((0.5, 1.1, "what time is it"), (3.5, 4.1, "and now"))


def instance(name: str, options: str) -> str:
    return f'[providers.{name}]\nprovider = "scripted"\noptions = {{ name = "{name}", {options} }}\n'


def answers(outcome: Outcome) -> list[str]:
    return [event["text"] for event in outcome.all("reply.finished")]


def test_each_in_a_conversation(tmp_path: Path) -> None:
    refuses, hangs = 'faults = [{ call = 1, kind = "refused" }]', 'faults = [{ call = 0, kind = "hang" }]'
    chain = stage_of(scripted(LINES), "llm", 'provider = "c"')
    chain += '[providers.c]\nprovider = "fallback"\noptions = { of = ["sick", "well"] }\n'
    chain += instance("sick", refuses) + instance("well", 'replies = ["I am well."]')

    def hedge(first: str, second: str) -> str:
        return f'provider = "hedge"\noptions = {{ first = "{first}", second = "{second}", after = 0.2 }}\n'

    hedged = stage_of(scripted(LINES), "llm", hedge("a", "b"))
    hedged += instance("a", hangs) + instance("b", 'replies = ["In time.", "Again."]')

    routed = stage_of(
        scripted(LINES, llm='replies = ["Yes.", "This one is a good deal longer."]'),
        "tts",
        'provider = "route"\nshort = "quick"\nlong = "espeak-ng"\nlimit = 10',
    ) + instance("quick", "word = 0.3")

    voices = stage_of(scripted(LINES), "tts", 'provider = "v"')
    voices += f"[providers.v]\n{hedge('mute', 'espeak-ng')}"
    voices += instance("mute", hangs)

    lines = ", ".join(f'{{ start = {start}, end = {end}, text = "{text}" }}' for start, end, text in LINES)
    said = f"lines = [{lines}]"
    ears = stage_of(scripted(LINES), "stt", hedge("deaf", "keen"))
    ears += instance("deaf", f"{hangs}, {said}") + instance("keen", said)

    configs = {"chain": chain, "hedge": hedged, "route": routed, "voices": voices, "ears": ears}
    outcomes = side_by_side(
        {
            name: lambda name=name, config=config: talk(  # type: ignore[misc]
                tmp_path / name, config, TWICE, "--record", tmp_path / name / "recording"
            )
            for name, config in configs.items()
        }
    )
    for name, outcome in outcomes.items():
        assert outcome.code == 0, (name, outcome.stderr)
        assert len(answers(outcome)) == 2, name
        assert len(sounds(outcome.speaker, hole=0.8)) == 2, name
    assert set(answers(outcomes["chain"])) == {"I am well."}
    [failure] = outcomes["chain"].all("provider.failed")
    assert (failure["provider"], failure["next"]) == ("sick", "well")
    assert answers(outcomes["hedge"]) == ["In time.", "Again."]
    assert outcomes["hedge"].one("session.started")["llm"] == "hedge"
    assert hedges(outcomes["hedge"]) == [("llm", "a", "b")] * 2
    assert not outcomes["hedge"].all("provider.failed"), "to be slow is no failure"
    assert answers(outcomes["route"]) == ["Yes.", "This one is a good deal longer."]
    short, long = sounds(outcomes["route"].speaker, hole=0.8)
    assert short[1] - short[0] == pytest.approx(0.3, abs=0.05), "one word of the quick voice's"
    assert long[1] - long[0] > 1.2, "the good one's"
    assert hedges(outcomes["voices"]) == [("tts", "mute", "espeak-ng")] * 2
    assert {event["provider"] for event in outcomes["ears"].all("user.transcript.final")} == {"keen"}


def hedges(outcome: Outcome) -> list[tuple[str, str, str]]:
    results = [line["_"] for line in outcome.recorded if "_" in line]
    return [(told["stage"], told["first"], told["second"]) for told in results if told["what"] == "hedge"]


def test_speech_from_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second conversation hears what the first has paid for, with a server that no longer speaks."""
    voice = CompatibleServer()
    with serving(voice):
        table = f'provider = "openai-compatible"\nmodel = "kokoro"\noptions = {{ base_url = "{voice.url}" }}'
        config = stage_of(scripted(turn='endpointing = "fixed"\ndrafts = false'), "tts", table)
        home = tmp_path / "home"
        places = {"XDG_CACHE_HOME": str(home)}
        first = talk(tmp_path / "first", config, ONCE, env=places)
        asked = len(voice.posts)
        voice.fault = "500"
        again = talk(tmp_path / "again", config, ONCE, "--record", tmp_path / "again" / "recording", env=places)
        off = talk(tmp_path / "off", config.replace("[tts]\n", "[tts]\ncache = false\n"), ONCE, env=places)
    assert (first.code, again.code) == (0, 0)
    assert asked == 1
    assert answers(first) == answers(again) == ["It is nine."]
    assert not again.all("provider.failed")
    assert off.all("provider.failed"), "without the cache the server is asked"
    [kept] = (home / "parley" / "speech").iterdir()
    assert kept.stat().st_size > 1000
    waited = until_sound(again.recorded)
    with capsys.disabled():
        print(f"\ncache: {waited * 1e3:.1f} ms from the sentence to its first sound, in a whole conversation")


def until_sound(events: list[Event]) -> float:
    """Seconds from the first sentence to the first sound made of it."""
    [sentence] = [event["t"] for event in events if event.get("event") == "reply.sentence"]
    return min(event["t"] for event in events if event.get("_", {}).get("what") == "audio") - sentence


def test_a_hybrid_of_two_whispers(tmp_path: Path) -> None:
    """Real speech and the real engine: what the fast one mishears is put right, and the answer is about that."""
    hybrid = 'provider = "hybrid"\nfast = "faster-whisper:parley-rough"\naccurate = "faster-whisper:parley-accurate"\n'
    config = stage_of(REAL, "stt", hybrid + 'language = "en"')
    mic = RECORDED / "slt-what-is-two-plus-two.wav"
    misheard = RECORDED / "rms-cancel-the-timer.wav"
    outcomes = side_by_side(
        {
            "heard": lambda: talk(tmp_path / "heard", config, mic),
            "misheard": lambda: talk(tmp_path / "misheard", config, misheard),
            "listen": lambda: listen(tmp_path / "listen", config, misheard),
        },
        at_once=1,
    )
    assert [outcome.code for outcome in outcomes.values()] == [0, 0, 0]
    assert "four" in answers(outcomes["heard"])[-1].lower() or "4" in answers(outcomes["heard"])[-1]
    told = [
        event["text"]
        for event in outcomes["misheard"].events
        if event["event"] in ("user.transcript.final", "user.transcript.revised")
    ]
    assert told[-1] == "Cancel the timer.", told
    assert told[0] != told[-1], "the fast one was first"
    assert "timer" in answers(outcomes["misheard"])[-1]
    finals = [event["text"] for event in outcomes["listen"].all("user.transcript.final")]
    assert finals[-1] == "Cancel the timer."
    assert not outcomes["listen"].all("provider.failed")


def listen(folder: Path, config: str, mic: Path) -> Outcome:
    folder.mkdir()
    (folder / "config.toml").write_text(config, "utf-8")
    return run(folder, ["listen", "--json", "--config", folder / "config.toml", "--mic", mic])


def test_what_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    """Exit code 2 before anything is heard."""
    wrong = {
        "circle": 'provider = "a"\n[providers.a]\nprovider = "hedge"\noptions = { first = "offline", second = "a" }',
        "unknown": 'provider = "hedge"\noptions = { first = "offline", second = "nobody" }',
        "nobody": 'provider = "hedge"\noptions = { first = "offline" }',
        "model": 'provider = "hedge"\nmodel = "x"\noptions = { first = "offline", second = "scripted" }',
    }
    outcomes = side_by_side(
        {
            name: lambda name=name, table=table: talk(tmp_path / name, stage_of(scripted(), "llm", table), ONCE)  # type: ignore[misc]
            for name, table in wrong.items()
        }
    )
    assert {name: outcome.code for name, outcome in outcomes.items()} == dict.fromkeys(wrong, 2)
    said = {name: one_sentence(outcome.stderr) for name, outcome in outcomes.items()}
    assert "a -> a leads round in a circle" in said["circle"]
    assert 'llm.options.second = "nobody" is not a known llm provider' in said["unknown"]
    assert "its second is not set; write second beside llm.options.first" in said["nobody"]
    assert "hedge has no model of its own" in said["model"]
    assert not [json.loads(line) for outcome in outcomes.values() for line in outcome.lines]
