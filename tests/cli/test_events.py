"""The JSON events: every one that can be produced, with the fields of the contract, in an order that holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import thirdparty
from .talking import Outcome, drawn, scripted, side_by_side, talk

Check = Callable[[Any], bool]


def text(value: Any) -> bool:
    return isinstance(value, str)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def truth(value: Any) -> bool:
    return isinstance(value, bool)


def one_of(*values: str) -> Check:
    return lambda value: value in values


def maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def costs(value: Any) -> bool:
    """By stage, what was used and what that cost."""
    stages = {"stt", "llm", "tts"}
    return value.keys() <= stages and all(maybe(number)(stage["usd"]) for stage in value.values())


def session_cost(value: Any) -> bool:
    fields = {"usd", "wasted_usd", "per_minute_usd", "by_provider", "unpriced", "prices_as_of"}
    named = all({"stage", "provider", "model", "usd"} <= row.keys() for row in value["by_provider"])
    return value.keys() == fields and number(value["usd"]) and named


STATE = one_of("Idle", "Listening", "Hearing", "Endpointing", "Replying", "Overlapping")
NONE: dict[str, Check] = {}
CONTRACT: dict[str, dict[str, Check]] = {
    "session.started": dict.fromkeys(("stt", "llm", "tts", "vad", "endpointing", "echo_cancel", "duplex", "why"), text),
    "state": {"from": STATE, "to": STATE},
    "user.speech_started": NONE,
    "user.speech_ended": NONE,
    "user.transcript.partial": {"text": text},
    "user.transcript.final": {"text": text, "language": maybe(text), "provider": text},
    "user.transcript.revised": {"text": text, "before": text},
    "user.ignored": {
        "reason": one_of("noise", "echo", "empty", "unintelligible", "invented", "other_speaker"),
        "text": text,
    },
    "user.superseded": {"by_turn": count},
    "turn.endpoint": {"waited_ms": number, "policy": one_of("fixed", "text", "smart-turn", "adaptive")},
    "reply.drafted": NONE,
    "reply.discarded": NONE,
    "reply.committed": NONE,
    "reply.started": {"kind": one_of("answer", "announcement", "apology")},
    "reply.first_token": NONE,
    "reply.sentence": {"text": text},
    "reply.audible": NONE,
    "reply.word": {"word": text},
    "overlap.started": NONE,
    "overlap.decided": {"kind": one_of("floor", "stop", "backchannel", "noise", "echo")},
    "reply.paused": NONE,
    "reply.resumed": {"reason": one_of("noise", "backchannel", "echo", "timeout")},
    "reply.interrupted": {"heard": text},
    "reply.finished": {"text": text},
    "tool.called": {"name": text},
    "provider.failed": {"stage": one_of("stt", "llm", "tts"), "provider": text, "error": text, "next": maybe(text)},
    "device.changed": {"from": text, "to": text},
    "warning": {"message": text},
    "turn.metrics": {
        **dict.fromkeys(
            (
                "speech_end_at", "endpoint_ms", "transcript_ms", "first_token_ms", "first_sentence_ms",
                "first_audio_ms", "audible_ms", "latency_ms",
            ),
            maybe(number),
        ),
        "drafts": count,
        "drafts_wasted": count,
        "tokens_wasted": count,
        "draft_used": truth,
        "interrupted": truth,
        "cost_usd": maybe(number),
        "wasted_usd": number,
        "cost": costs,
    },
    "session.ended": {
        "reason": one_of("input_over", "turns", "max_seconds", "goodbye", "interrupted", "device_lost", "error"),
        "underruns": count,
        "overflows": count,
        "cost": session_cost,
    },
}  # fmt: skip
NOT_YET = {"tool.called", "device.changed"}
"""Nothing here produces them: models have no tools, files stay plugged in."""
OUTSIDE_A_TURN = {"session.started", "session.ended", "device.changed"}

TWICE = drawn([(0.5, 1.1), (1.8, 2.4)], 3.0)
"""The user speaks, and again."""
STORY = "One two three four five six seven eight nine ten eleven."
REFUSED = 'faults = [{ call = 0, kind = "refused" }]'
REFUSED_ONCE = 'faults = [{ call = 1, kind = "refused" }]'


def conversations(folder: Path) -> dict[str, Callable[[], Outcome]]:
    env = thirdparty.install(folder / "site")
    once = drawn([(0.5, 1.1)], 1.4)
    said = ((0.5, 1.1, "what time is it"), (1.8, 2.4, "and the date"))
    revised = scripted(tts="delay = 0.5").replace(
        scripted().split("[stt]")[1].split("[llm]")[0],
        '\nprovider = "acme.providers:ears"'
        '\noptions = { first = "set it to nine", then = "set it to ten", later = 0.2 }\n',
    )
    plans: dict[str, tuple[str, Any]] = {
        "plain": (scripted(stt="final_after = 0.1, partials_behind = 0.05"), once),
        "interrupted": (
            scripted(((0.5, 1.1, "a story"), (3.0, 3.5, "stop")), llm=f'replies = ["{STORY}"]', tts="word = 0.4"),
            drawn([(0.5, 1.1), (3.0, 3.5)], 4.0),
        ),
        "a murmur": (
            scripted(((0.5, 1.1, "a story"), (3.0, 3.5, "mm-hm")), llm=f'replies = ["{STORY}"]', tts="word = 0.4"),
            drawn([(0.5, 1.1), (3.0, 3.5)], 4.0),
        ),
        "a thinking pause": (scripted(said, turn='endpointing = "fixed"\nsilence_ms = 1500'), TWICE),
        "noise": (scripted([]), once),
        "the model fails": (scripted(llm=REFUSED), once),
        "the model fails once, and the user goes on": (
            scripted(said, llm=REFUSED_ONCE, tts="delay = 1.5", turn='endpointing = "fixed"\ndrafts = false'),
            TWICE,
        ),
        "the transcriber fails": (scripted(stt=REFUSED), once),
        "no voice works": (scripted(tts=REFUSED), once),
        "understood better": (revised, once),
    }
    return {
        name: lambda n=name, c=config, m=mic: talk(folder / n, c, m, env=env) for name, (config, mic) in plans.items()
    }


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return side_by_side(conversations(tmp_path_factory.mktemp("events")), at_once=5)


NAMES = [
    "plain", "interrupted", "a thinking pause", "noise", "the model fails",
    "the model fails once, and the user goes on", "the transcriber fails", "no voice works", "understood better",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_fields(name: str, outcomes: dict[str, Outcome]) -> None:
    assert outcomes[name].code == 0  # whatever failed on the way
    for event in outcomes[name].events:
        fields = dict(event)
        t, kind, turn, at = (fields.pop(key) for key in ("t", "event", "turn", "at"))
        assert number(t)
        assert number(at)
        assert at <= t + 0.002, event  # what has not happened yet is not told
        assert turn is None if kind in OUTSIDE_A_TURN else turn is None or (count(turn) and turn >= 1), event
        checks = CONTRACT[kind]
        assert fields.keys() == checks.keys(), event
        assert all(check(fields[key]) for key, check in checks.items()), event


@pytest.mark.parametrize("name", NAMES)
def test_order(name: str, outcomes: dict[str, Outcome]) -> None:
    events = outcomes[name].events
    kinds = [event["event"] for event in events]
    assert (kinds[0], kinds.count("session.started")) == ("session.started", 1)
    assert (kinds[-1], kinds.count("session.ended")) == ("session.ended", 1)
    times = [event["t"] for event in events]
    assert times == sorted(times)
    assert events[0]["at"] == 0

    turns = list(dict.fromkeys(event["turn"] for event in events if event["turn"] is not None))
    assert turns == list(range(1, len(turns) + 1))
    for turn in turns:
        of_turn = [event["event"] for event in events if event["turn"] == turn]
        assert of_turn[0] == "user.speech_started"
        assert of_turn.count("turn.metrics") == 1
        assert {"reply.committed", "user.ignored"} & set(of_turn)
        after = set(of_turn[of_turn.index("turn.metrics") + 1 :])
        assert after <= {"state"}  # the figures come when the turn is over
        if "reply.audible" in of_turn:
            assert of_turn.index("reply.committed") < of_turn.index("reply.audible")

    states = [(event["from"], event["to"]) for event in events if event["event"] == "state"]
    assert states[0][0] == "Listening"
    assert all(before[1] == after[0] for before, after in zip(states, states[1:], strict=False))
    assert states[-1][1] == "Listening"


def test_every_event_that_can_be_produced_was(outcomes: dict[str, Outcome]) -> None:
    seen = {event["event"] for outcome in outcomes.values() for event in outcome.events}
    assert seen == CONTRACT.keys() - NOT_YET


def test_an_interruption(outcomes: dict[str, Outcome]) -> None:
    wanted = ("overlap.started", "reply.paused", "overlap.decided", "reply.interrupted", "turn.metrics")
    events = [event for event in outcomes["interrupted"].events if event["event"] in wanted]
    assert tuple(event["event"] for event in events[:5]) == wanted
    assert events[3]["heard"]
    assert STORY.startswith(events[3]["heard"])
    assert events[4]["interrupted"] is True
    assert [event["turn"] for event in events[:5]] == [1] * 5
    assert outcomes["interrupted"].all("user.speech_started")[1]["turn"] == 2


def test_a_murmur_does_not_end_the_reply(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["a murmur"]
    wanted = ("overlap.started", "reply.paused", "overlap.decided", "reply.resumed", "user.ignored", "reply.finished")
    assert tuple(event["event"] for event in outcome.events if event["event"] in wanted) == wanted
    assert outcome.one("overlap.decided")["kind"] == outcome.one("reply.resumed")["reason"] == "backchannel"
    assert outcome.one("user.ignored")["text"] == "mm-hm"
    assert outcome.one("reply.finished")["text"] == STORY


def test_a_thinking_pause_is_one_turn(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["a thinking pause"]
    assert {event["turn"] for event in outcome.all("user.speech_started")} == {1}
    assert outcome.one("turn.endpoint")["waited_ms"] >= 1500
    assert outcome.all("user.transcript.final")[-1]["text"] == "what time is it and the date"
    assert outcome.all("reply.discarded")  # the draft that answered half a sentence


@pytest.mark.parametrize(
    ("name", "stage"), [("the model fails", "llm"), ("the transcriber fails", "stt"), ("no voice works", "tts")]
)
def test_a_failure_is_told_once_and_apologised_for(name: str, stage: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[name]
    failures = outcome.all("provider.failed")
    assert {(event["stage"], event["provider"], event["next"]) for event in failures} == {(stage, "scripted", None)}
    lines = outcome.stderr.splitlines()
    assert len(lines) == len(failures)
    assert all("refused the call, as scripted" in line for line in lines)
    assert outcome.all("reply.started")[-1]["kind"] == "apology"
    if stage == "tts":
        assert "no voice works" in outcome.one("warning")["message"]
    else:
        assert outcome.one("reply.finished")["text"].startswith("Sorry")


def test_who_goes_on_before_the_apology_is_answered(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["the model fails once, and the user goes on"]
    assert (outcome.one("user.superseded")["turn"], outcome.one("user.superseded")["by_turn"]) == (1, 2)
    assert outcome.one("reply.finished")["turn"] == 2


def test_a_better_transcript_is_answered_instead(outcomes: dict[str, Outcome]) -> None:
    revised = outcomes["understood better"].one("user.transcript.revised")
    assert (revised["text"], revised["before"]) == ("set it to ten", "set it to nine")
    assert len(outcomes["understood better"].all("reply.committed")) == 2
    assert len(outcomes["understood better"].all("reply.audible")) == 1
