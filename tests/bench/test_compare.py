"""`parley bench --compare` as a user runs it: profiles that work, one that breaks, one that cannot start."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from assistant.bench import dialogue
from assistant.bench.compare import judged, summary
from tests.bench.invented import absent, comparison, lines, rich
from tests.cli.talking import Outcome, killed_if_stuck, one_sentence, run, signalled, start, write_wav

KEY = "parley-test-0123456789abcdef"
GAP, TURNS = 2.0, 2


def profiles(folder: Path) -> str:
    """Beside the built-in `offline`: one that fails in its second turn, one without a key, one at a server that is not
    there."""
    said, _ = dialogue.lay_out(folder / "mic.wav", dialogue.built_in(), TURNS, GAP)
    script = ", ".join(f'{{ start = {line.start}, end = {line.end}, text = "{line.text}" }}' for line in said)
    heard = f"""provider = "scripted"
options = {{ final_after = 0.1, lines = [{script}] }}"""
    return f"""
[profiles.midway.turn]
drafts = false
[profiles.midway.stt]
{heard.replace("what time", "that time")}
[profiles.midway.llm]
provider = "scripted"
options = {{ ttft = 0.1, replies = ["Yes."], faults = [{{ call = 2, kind = "refused" }}] }}
[profiles.midway.tts]
provider = "scripted"
[profiles.keyless.stt]
{heard}
[profiles.keyless.llm]
provider = "anthropic"
[profiles.keyless.tts]
provider = "scripted"
[profiles.unreachable.stt]
{heard}
[profiles.unreachable.llm]
provider = "openai-compatible"
model = "none"
options = {{ base_url = "http://user:{KEY}@127.0.0.1:9/v1?key={KEY}", api_key = "{KEY}" }}
[profiles.unreachable.tts]
provider = "scripted"
"""


@dataclass
class Compared:
    outcome: Outcome
    found: dict[str, Any]
    page: str

    def profile(self, name: str) -> dict[str, Any]:
        (found,) = [each for each in self.found["profiles"] if each["profile"] == name]
        return found


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    folder = tmp_path_factory.mktemp("compare")
    (folder / "mine.toml").write_text(profiles(folder), "utf-8")
    names = "offline,midway,keyless,unreachable"
    flags = ("--turns", TURNS, "--gap", GAP, "--config", "mine.toml", "--json", "--html", "page.html")
    outcome = run(folder, ["bench", "--compare", names, *flags], env={"OPENAI_API_KEY": KEY}, give_up=110)
    return Compared(outcome, json.loads("\n".join(outcome.lines)), (folder / "page.html").read_text("utf-8"))


def test_a_profile_that_works_is_measured_off_its_waveforms(compared: Compared) -> None:
    offline = compared.profile("offline")
    assert (offline["ran"], offline["answered"], offline["failures"]) == (True, 2, [])
    assert offline["exit_code"] == 0
    assert offline["stt"] == "pocketsphinx"
    assert offline["word_error_rate"] == 0.0
    assert offline["latency_ms"]["n"] == 2
    assert offline["latency_ms"]["p95_is_the_worst"] is True
    assert 0 < offline["latency_ms"]["p50"] <= offline["latency_ms"]["p95"] < 2000
    assert offline["ledger_off_by_ms"] <= 20
    assert offline["stages"]["endpoint_ms"]["n"] == 2
    assert [turn["outcome"] for turn in offline["turns"]] == ["answered", "answered"]


def test_a_provider_that_fails_midway_is_a_failure_of_its_profile_alone(compared: Compared) -> None:
    midway = compared.profile("midway")
    assert (midway["ran"], midway["answered"], midway["exit_code"]) == (True, 1, 0)
    assert [turn["outcome"] for turn in midway["turns"]] == ["answered", "apology"]
    (failed,) = midway["providers_failed"]
    assert (failed["stage"], failed["line"], failed["next"]) == ("llm", 2, None)
    assert midway["failures"] == [
        f"llm scripted failed in utterance 2: {failed['error']}",
        "utterance 2 was answered with an apology",
    ]
    assert midway["words"] == {"words": 5, "substituted": 1, "missing": 0, "added": 0}
    assert midway["word_error_rate"] == 0.2


def test_known_delays_come_out_as_they_went_in(compared: Compared) -> None:
    """First token 100 ms after the end of the turn, which waits for the user as [turn] says."""
    first = compared.profile("midway")["turns"][0]
    assert first["first_token_ms"] - first["endpoint_ms"] == pytest.approx(100, abs=40)
    assert first["latency_ms"] == pytest.approx(first["ledger_ms"], abs=20)


def test_a_profile_that_cannot_start_says_why_and_is_no_failure(compared: Compared) -> None:
    keyless = compared.profile("keyless")
    assert (keyless["ran"], keyless["exit_code"], keyless["failures"]) == (False, 2, [])
    assert "anthropic needs an API key" in keyless["cannot_run"]
    assert keyless["turns"] == []
    assert not any("keyless" in line for line in compared.outcome.stderr.splitlines())
    assert "did not run: " in compared.page


def test_what_failed_is_told_on_standard_error_and_by_the_exit_code(compared: Compared) -> None:
    assert compared.outcome.code == 1
    told = compared.outcome.stderr.splitlines()
    assert told == [f"parley: {sentence}" for sentence in compared.found["failures"]]
    assert "parley: midway: utterance 2 was answered with an apology" in told
    unreachable = compared.profile("unreachable")
    assert unreachable["answered"] == 0
    assert {each["stage"] for each in unreachable["providers_failed"]} == {"llm"}


def test_no_key_is_shown_anywhere(compared: Compared) -> None:
    for text in ("\n".join(compared.outcome.lines), compared.outcome.stderr, compared.page):
        assert KEY not in text


def test_a_profile_that_nobody_knows_is_bad_usage_with_a_hint(tmp_path: Path) -> None:
    outcome = run(tmp_path, ["bench", "--compare", "offline,offlin"])
    assert outcome.code == 2
    assert one_sentence(outcome.stderr).startswith('--compare: there is no profile "offlin"; did you mean "offline"?')


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--compare", "offline,,cloud"], "is no list of profiles"),
        (["--compare", "offline", "--engines"], "not allowed with argument"),
        (["--html", "page.html"], "--html belongs to --compare"),
        (["--compare", "offline", "--gap", "0"], "is not a number of seconds"),
        (["--compare", "offline", "--config", "none.toml"], "there is no config file"),
        (["--compare", "offline", "--conversation", "nowhere"], "there is no conversation nowhere"),
        (["--compare", "offline", "--html", "nowhere/page.html"], "there is no folder"),
    ],
)
def test_bad_usage_is_said_before_anything_is_measured(tmp_path: Path, flags: list[str], complaint: str) -> None:
    outcome = run(tmp_path, ["bench", *flags])
    assert outcome.code == 2
    assert complaint in one_sentence(outcome.stderr)


def test_when_no_profile_can_run_the_exit_code_says_so(tmp_path: Path) -> None:
    (tmp_path / "parley.toml").write_text(profiles(tmp_path), "utf-8")
    outcome = run(tmp_path, ["bench", "--compare", "keyless", "--turns", 1])
    assert outcome.code == 2
    assert "\n".join(outcome.lines).startswith("keyless did not run: anthropic needs an API key")
    assert outcome.stderr == ""


def test_interrupted_it_leaves_no_process_and_no_file_behind(tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    process = start(tmp_path, ["bench", "--compare", "offline"], env={"TMPDIR": str(tmp_path / "temporary")})
    with killed_if_stuck(process):
        while not psutil.Process(process.pid).children():
            assert process.poll() is None
            time.sleep(0.05)
        outcome = signalled(process, tmp_path, [(1.0, signal.SIGTERM)])
    assert outcome.code == 130
    assert outcome.children
    assert psutil.wait_procs(outcome.children, timeout=10)[1] == []
    assert list((tmp_path / "temporary").iterdir()) == []


# --- what cannot be had from a real run in little time --------------------------------------------------------------


def ended(reason: str = "input_over", **more: Any) -> list[dict[str, Any]]:
    return [
        {"event": "session.started", "turn": None, "t": 0.0, "at": 0.0, "stt": "ears"},
        {"event": "session.ended", "turn": None, "t": 9.0, "at": 9.0, "reason": reason, **more},
    ]


def silent(folder: Path) -> Path:
    return write_wav(folder / "speaker.wav", dialogue.room_noise(24_000 * 3), 24_000)


def test_a_conversation_that_ends_early_or_with_an_error_is_a_failure(tmp_path: Path) -> None:
    found = judged("mine", 1, ended("error"), ["a note", "it broke"], silent(tmp_path), lines(1), 20)
    assert found.failures == (
        "utterance 1 was not answered",
        "it ended early (error)",
        "it ended with code 1: it broke",
    )
    assert found.cannot_run == ""


def test_a_conversation_that_did_not_end_is_a_failure(tmp_path: Path) -> None:
    found = judged("mine", None, ended()[:1], [], silent(tmp_path), lines(1), 20)
    assert found.failures[-1] == "it did not end by itself and was stopped"


def test_warnings_of_the_session_are_told_and_are_no_failures(tmp_path: Path) -> None:
    warning = {"event": "warning", "turn": None, "t": 0.0, "at": 0.0, "message": "this model is shut down next week"}
    found = judged("mine", 0, [*ended(), warning], ["a note"], silent(tmp_path), (), 20)
    assert found.notes == ("a note", "this model is shut down next week")
    assert found.failures == ()


def test_a_crash_before_it_listens_is_a_failure_and_not_a_missing_key(tmp_path: Path) -> None:
    found = judged("mine", 1, [], ["something broke"], tmp_path / "none.wav", lines(1), 20)
    assert found.cannot_run == "something broke"
    assert found.failures == ("it ended with code 1 before it listened: something broke",)


@pytest.mark.parametrize(
    ("cost", "a_minute"),
    [
        ({"usd": 0.5, "per_minute_usd": 0.25, "unpriced": []}, 0.25),
        ({"usd": 0.0, "per_minute_usd": 0.0}, 0.0),
        ({"usd": 0.0, "per_minute_usd": 0.0, "unpriced": ["llm brain: its price is not known"]}, None),
        ({"usd": None, "per_minute_usd": None}, None),
        (None, None),
    ],
)
def test_the_cost_is_what_the_session_says_and_unknown_where_it_says_nothing(
    tmp_path: Path, cost: dict[str, Any] | None, a_minute: float | None
) -> None:
    more = {} if cost is None else {"cost": cost}
    figures = summary(judged("mine", 0, ended(**more), [], silent(tmp_path), lines(1), 20))
    assert figures["cost_per_minute_usd"] == a_minute
    assert figures["cost"] == cost


def test_every_figure_is_plain_json() -> None:
    told = comparison(*rich().results, absent("other", "no key"), count=24)
    for each in told.results:
        assert json.loads(json.dumps(summary(each)))["profile"] == each.profile
