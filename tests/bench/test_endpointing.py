"""`parley bench endpointing`: its figures are those of the published scorer, and its replay is the loop's own rules."""

from __future__ import annotations

import importlib.util
import json
import math
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from assistant.audio.wavfile import open_wav
from assistant.bench.endpointing import truth
from assistant.bench.endpointing.fitting import Silence, fitted, silences
from assistant.bench.endpointing.measure import Case, Report, compared
from assistant.bench.endpointing.policies import families
from assistant.bench.endpointing.replay import decisions
from assistant.bench.endpointing.report import in_json, in_text
from assistant.bench.endpointing.scoring import (
    BUDGETS,
    CAP,
    HALVES,
    SPLITS,
    Budget,
    Outcome,
    Outcomes,
    Sides,
    best,
    halves,
    held_out,
    outcome,
    score,
)
from assistant.bench.endpointing.sound import Heard, filled
from assistant.bench.endpointing.truth import Recording
from assistant.conversation import events as e
from assistant.conversation.evidence import EndpointRules, Weights
from assistant.errors import ParleyError

ROOT = Path(__file__).parents[2]
UTTERANCE = ROOT / "assistant" / "bench" / "utterance.wav"
INF = math.inf


def recording(
    name: str = "a", end: float = 3.0, holds: Sequence[tuple[float, float]] = (), **more: object
) -> Recording:
    given = {"group": "main", "speaker": name, "start": 0.5, "seconds": end + 4.0, "no_end": False, "text": None}
    return Recording(name, end=end, holds=tuple(holds), **(given | more))  # type: ignore[arg-type]


def heard(*happenings: tuple[float, e.Voice | e.EndJudged], seconds: float = 10.0) -> Heard:
    return Heard([each for _, each in happenings], [at for at, _ in happenings], seconds)


TWO = heard(
    (0.6, e.VoiceStarted(0.5)), (2.0, e.VoiceQuiet(2.0)), (2.1, e.VoicePaused(2.0)), (2.52, e.VoiceResumed(2.5)),
    (4.0, e.VoiceQuiet(4.0)), (4.1, e.VoicePaused(4.0)),
)  # fmt: skip


# --- scoring ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "cut", "latency"),
    [
        ([3.6], 0, 0.6),
        ([1.3, 3.6], 1, 0.6),
        ([1.5, 3.6], 0, 0.6),  # the pause is over at 1.5
        ([1.0, 1.4, 2.1, 3.6], 2, 0.6),  # twice in one pause counts once
        ([2.8, 3.6], 0, -0.2),  # within a quarter of a second the label is no sharper
        ([2.7], 0, INF),
        ([], 0, INF),
    ],
)
def test_one_recordings_outcome(times: list[float], cut: int, latency: float) -> None:
    found = outcome(recording(holds=[(1.0, 1.5), (2.0, 2.4)]), times)
    assert (found.cut, found.holds) == (cut, 2)
    assert found.latency == pytest.approx(latency)


def test_an_end_that_is_not_judged_has_no_latency() -> None:
    assert outcome(recording(no_end=True), [3.5]).latency is None


def test_a_missed_end_counts_as_four_seconds() -> None:
    found = score([Outcome(0, 0, 0.2), Outcome(0, 0, 0.4), Outcome(1, 2, INF), Outcome(0, 2, None)])
    assert found.mean == pytest.approx((0.2 + 0.4 + CAP) / 3)
    assert (found.missed, found.cuts, found.median, found.quantile(1.0)) == (1, 0.25, 0.4, CAP)


def test_the_best_setting_within_a_budget() -> None:
    scores = [score([Outcome(cut, 10, late)]) for cut, late in ((8, 0.2), (4, 0.5), (3, 0.6), (0, 1.2))]
    assert best(scores, Budget("latency", 0.6)) == 2
    assert best(scores, Budget("latency", 0.1)) is None
    assert best(scores, Budget("cuts", 0.35)) == 2
    assert best(scores, Budget("cuts", 0.0)) == 3


def test_of_settings_that_cut_equally_few_other_speakers_are_served_by_the_most_patient() -> None:
    scores = [score([Outcome(cut, 10, late)]) for cut, late in ((2, 0.2), (1, 0.3), (1, 0.4), (0, 0.9))]
    assert best(scores, Budget("latency", 0.6)) == 1
    assert best(scores, Budget("latency", 0.6), patient=True) == 2
    assert best(scores, Budget("cuts", 0.1), patient=True) == best(scores, Budget("cuts", 0.1)) == 1


def same(outcomes: Sequence[Sequence[Outcome]]) -> Outcomes:
    """For each setting those of all recordings, whoever was learned from."""
    return lambda inside: lambda setting, number: outcomes[setting][number]


def test_what_is_learned_is_learned_from_one_half_and_judged_on_the_other() -> None:
    """A policy that knows the recordings it has learned from by heart, and fails on every other."""
    speakers = [recording(f"s{n}", holds=[(1.0, 1.4)]) for n in range(20)]
    asked: list[Sides] = []

    def by_heart(inside: Sides):
        asked.append(inside)
        return lambda setting, number: Outcome(int(not inside[number]), 1, 0.2)

    found = held_out(halves(speakers), 1, by_heart, Budget("latency", 0.3))
    assert found.cuts == 1.0
    assert len(asked) == 2 * SPLITS and all(sum(inside) == 10 for inside in asked)


def test_figures_are_of_speakers_on_whom_nothing_was_chosen() -> None:
    """Two kinds of speakers, whose best settings differ: chosen on one kind, a setting fails the other."""
    speakers = [recording(f"s{n}", holds=[(1.0, 1.4)]) for n in range(20)]
    lucky = [[Outcome(int(n % 2 == k), 1, 0.3) for n in range(20)] for k in range(2)]
    found = held_out(halves(speakers), 2, same(lucky), Budget("latency", 0.3))
    assert found.reached
    assert found.mean == pytest.approx(0.3)
    assert found.cuts >= 0.5, "on the same speakers it would look better than it is"
    assert found.cuts_interval[0] < found.cuts < found.cuts_interval[1]


def test_the_recordings_of_one_speaker_stay_together() -> None:
    """With one speaker to a side nothing could be learned of the other: all decisions follow from the speaker."""
    files = [recording(f"{n}", speaker="x" if n < 5 else "y", holds=[(1.0, 1.4)]) for n in range(10)]
    outcomes = [[Outcome(int((n < 5) is k), 1, 0.2) for n in range(10)] for k in (True, False)]
    assert held_out(halves(files), 2, same(outcomes), Budget("latency", 0.3)).cuts == 1.0


READERS = [recording(f"s{n}", holds=[(k + 0.1, k + 0.5) for k in range(many)]) for n, many in enumerate(
    (19, 16, 7, 4, 4, 3, 2, 1, 1, 0, 0, 0, 0)
)]  # fmt: skip


def test_halves_hold_equally_many_pauses_and_the_long_readings_are_never_together() -> None:
    total = sum(len(each.holds) for each in READERS)
    for one, other in halves(READERS):
        assert list(one) == [not b for b in other]
        assert abs(sum(one) - sum(other)) == 1, "speakers"
        assert one[0] != one[1], "the two who read for long"
        shares = [sum(len(r.holds) for r, there in zip(READERS, side, strict=True) if there) for side in (one, other)]
        assert 0.4 * total <= min(shares) and max(shares) <= 0.6 * total
    assert len({one for one, _ in halves(READERS)}) > SPLITS / 2, "drawn anew each time"


def test_drawn_at_random_halves_may_be_as_unequal_as_they_like() -> None:
    assert any(one[0] == one[1] for one, _ in halves(READERS, "random"))
    assert all(abs(sum(one) - sum(other)) == 1 for one, other in halves(READERS, "random"))


@pytest.mark.parametrize("how", HALVES)
def test_one_speaker_has_no_other_half_and_two_are_one_each(how: str) -> None:
    assert halves([recording(f"{n}", speaker="x") for n in range(5)], how) == []
    files = [recording(f"{n}", speaker="xy"[n % 2], holds=[(1.0, 1.4)] * n) for n in range(4)]
    assert {one for one, _ in halves(files, how)} == {(True, False) * 2, (False, True) * 2}


def case(name: str, **more: object) -> Case:
    return Case(recording(name, 4.0, [(2.0, 2.5)], **more), TWO, ())


def test_weights_are_fitted_to_nothing_by_whom_they_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to a rough recording of the same speaker either."""
    learned: list[int] = []

    def fit(found: Sequence[Silence], *, scored: bool) -> Weights:
        learned.append(len(found))
        return fitted(found, scored=scored)

    monkeypatch.setattr("assistant.bench.endpointing.measure.fitted", fit)
    cases = [case("a"), case("b"), case("c", group="spare"), case("rough", group="spare", speaker="a")]
    rows = compared(cases, words=False, detector=False, progress=lambda _: None)
    each = len(silences(cases[0].recording, TWO))
    assert set(learned) == {2 * each, 3 * each, 4 * each}, "b and c; a, c and a's rough one; as it looks on all of them"
    assert all(len(row.held) == len(BUDGETS) for row in rows)


def test_of_one_speaker_there_is_no_figure_of_the_other_half_and_the_report_says_so() -> None:
    cases = [case("a", speaker="x"), case("b", speaker="x")]
    rows = compared(cases, words=False, detector=False, progress=lambda _: None)
    said = in_text(Report(rows, [], cases, None, ()))
    assert "All utterances are one speaker's" in said and "figures of the other half" not in said
    assert "As it comes" in said
    assert all(not row["held_out"] for row in in_json(Report(rows, [], cases, None, ()))["all"])


@pytest.fixture(scope="module")
def scorer() -> ModuleType:
    path = ROOT.parent / "shared" / "eot" / "score.py"
    if not path.is_file():
        pytest.skip("the shared scorer is not here")
    spec = importlib.util.spec_from_file_location("published_scorer", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(20))
def test_the_figures_are_those_of_the_published_scorer(scorer: ModuleType, seed: int) -> None:
    """Random recordings, random decisions, its code and ours."""
    pick = random.Random(seed)
    files = []
    for number in range(30):
        end = pick.uniform(1.0, 9.0)
        edges = sorted(pick.uniform(0.5, end) for _ in range(2 * pick.randint(0, 3)))
        holds = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 0.2]
        files.append(recording(f"{number}", end, holds, no_end=pick.random() < 0.1))
    settings = [[sorted(pick.uniform(0.5, 12.0) for _ in range(pick.randint(0, 4))) for _ in files] for _ in range(12)]
    rows = [
        {"path": r.path, "start": r.start, "end": r.end, "hold": r.holds, "no_eot": r.no_end, "group": "main"}
        for r in files
    ]
    theirs, ours = [], []
    for number, times in enumerate(settings):
        theirs.append((number, scorer.score({r.path: t for r, t in zip(files, times, strict=True)}, rows)))
        ours.append(score([outcome(r, t) for r, t in zip(files, times, strict=True)]))
    for (_, there), here in zip(theirs, ours, strict=True):
        assert (there["x_spans"], there["holds"], there["missed"]) == (here.cut, here.holds, here.missed)
        assert there["mean"] == pytest.approx(here.mean)
        assert there["fc_spans"] == pytest.approx(here.cuts)
        assert there["median"] == pytest.approx(here.median)
        assert there["p90"] == pytest.approx(here.quantile(0.9))
    kept = scorer.family(theirs, lat_budgets=(1.5, 2.5), fc_budgets=(0.2, 0.5), stat="mean")
    for kind, key, mosts in (("latency", "fc", (1.5, 2.5)), ("cuts", "lat", (0.2, 0.5))):
        for most in mosts:
            found = best(ours, Budget(kind, most))
            chosen = kept[key, most]
            assert (found is None) == (chosen is None)
            if found is not None and chosen is not None:
                assert ours[found].cuts == ours[chosen].cuts or kind == "cuts"
                assert ours[found].mean == pytest.approx(ours[chosen].mean) or kind == "latency"


# --- replay ----------------------------------------------------------------------------------------------------------


def test_silence_alone_decides_in_each_pause_that_is_long_enough() -> None:
    assert decisions(TWO, EndpointRules("fixed", 0.3)) == pytest.approx([2.3, 4.3])
    assert decisions(TWO, EndpointRules("fixed", 0.6)) == pytest.approx([4.6])


def test_a_decision_in_a_pause_does_not_end_the_recording() -> None:
    assert len(decisions(TWO, EndpointRules("fixed", 0.2))) == 2


def test_who_has_paused_before_is_given_more_time() -> None:
    first, second = (decisions(each, EndpointRules("adaptive")) for each in (heard(*_of(TWO)[:3]), TWO))
    assert second[-1] - 4.0 > first[-1] - 2.0


def _of(given: Heard) -> list[tuple[float, e.Voice | e.EndJudged]]:
    return list(zip(given.known_at, given.happenings, strict=True))


def test_words_count_when_they_are_known_and_not_before() -> None:
    words = [e.Word(text, 0.5 + 0.7 * n, 1.2 + 0.7 * n) for n, text in enumerate(["i", "want", "to", "go", "to"])]
    rules = EndpointRules("adaptive")
    silent, late, soon = (decisions(TWO, rules, given, lag) for given, lag in (((), 0.0), (words, 9.0), (words, 0.1)))
    assert late == pytest.approx(silent)
    assert soon[-1] > silent[-1] + 0.3, '"i want to go to" is waited for'


def test_an_answer_that_was_heard_makes_the_next_voice_another_utterance() -> None:
    far = heard(*_of(TWO)[:3], (6.1, e.VoiceStarted(6.0)), (7.5, e.VoiceQuiet(7.5)), (7.6, e.VoicePaused(7.5)))
    first, second = decisions(far, EndpointRules("adaptive"))
    assert first - 2.0 == pytest.approx(second - 7.5), "nothing is left of the pause"


def test_every_policy_of_the_config_is_measured() -> None:
    from assistant.conversation.endpoint import POLICIES

    measured = {family.usual.policy for family in families(words=True, detector=True)}
    assert measured == set(POLICIES)
    for family in families(words=True, detector=True):
        assert len({str(setting) for setting in family.settings}) == len(family.settings)


# --- truth and sound -------------------------------------------------------------------------------------------------


def test_room_tone_is_as_loud_as_the_room() -> None:
    room = 0.003 * np.random.default_rng(1).standard_normal(32_000).astype(np.float32)
    room[8_000:16_000] += np.sin(np.arange(8_000)).astype(np.float32) * 0.3
    whole = filled(room, 5.0, 0)
    assert len(whole) == 80_000
    assert np.array_equal(whole[:32_000], room)
    assert 0.002 < whole[32_000:].std() < 0.004
    assert np.array_equal(filled(room, 1.0, 0), room[:16_000])


def test_a_digitally_silent_recording_stays_silent() -> None:
    assert np.abs(filled(np.zeros(16_000, np.float32), 2.0, 0)).max() < 1e-6


def folder_with(tmp_path: Path, rows: list[dict[str, object]], index: str = "") -> Path:
    for row in rows:
        (tmp_path / str(row["path"])).write_bytes(UTTERANCE.read_bytes())
    (tmp_path / "truth.json").write_text(json.dumps(rows))
    if index:
        (tmp_path / "INDEX.tsv").write_text(index)
    return tmp_path


ROW = {"path": "a.wav", "group": "main", "start": 0.0, "end": 2.0, "hold": [[0.5, 0.9]], "total_s": 6.0}


def test_words_and_speakers_come_from_the_index(tmp_path: Path) -> None:
    index = "path\tspeaker\tlabel_type\tlabel\na.wav\tmary\ttranscript (checked)\tWhat's  up, Doc?\n"
    (found,) = truth.read(folder_with(tmp_path, [ROW], index), None)
    assert (found.speaker, found.text, found.holds) == ("mary", "what's up doc", ((0.5, 0.9),))


def test_who_is_not_known_is_a_speaker_of_their_own_and_other_labels_are_no_words(tmp_path: Path) -> None:
    index = "path\tspeaker\tlabel_type\tlabel\na.wav\t>50 unnamed\tintent slots\tcoffee\n"
    (found,) = truth.read(folder_with(tmp_path, [ROW], index), None)
    assert (found.speaker, found.text) == ("a.wav", None)


def test_in_a_meeting_a_pause_counts_if_the_same_person_goes_on(tmp_path: Path) -> None:
    spans = "0.0+2.0:ann;3.0+1.0:ann;5.5+1.0:bob;6.0+2.0:ann;20.0+1.0:ann"
    index = f"path\tspeaker\tlabel_type\tlabel\tseconds\nm.wav\tann,bob\trttm start+dur:speaker\t{spans}\t30.0\n"
    (tmp_path / "m.wav").write_bytes(UTTERANCE.read_bytes())
    meeting = truth.read(folder_with(tmp_path, [ROW], index), None)[-1]
    assert (meeting.group, meeting.holds, meeting.no_end) == ("meeting", ((2.0, 3.0),), True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[", "no list of recordings"),
        ('[{"path": "a.wav"}]', "no list of recordings"),
        ("[]", "no utterance"),
        ('[{"path": "b.wav", "group": "main", "start": 0, "end": 1}]', "lacks 1 of 1 recordings, b.wav"),
    ],
)
def test_a_truth_that_is_none_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(ParleyError, match=why):
        truth.read(tmp_path, None)


def test_a_folder_without_one_is_told_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(ParleyError, match="--truth"):
        truth.read(tmp_path, None)


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with open_wav(UTTERANCE) as file:
        seconds = file.frames / file.rate
    rows = [
        {"path": f"{n}.wav", "group": "main", "start": 0.0, "end": round(seconds, 2), "total_s": seconds + 4.0,
         "speaker": f"s{n}", "text": "what is the weather like tomorrow"} for n in range(4)
    ]  # fmt: skip
    return folder_with(tmp_path_factory.mktemp("recordings"), rows)


def test_the_command_reports_every_policy_and_writes_its_decisions(recordings: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "assistant", "bench", "endpointing", str(recordings), "--json", "--detector", "",
        "--decisions", str(tmp_path / "decisions.jsonl"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    names = [row["policy"] for row in found["all"]]
    assert names[:2] == ["silence only", "adaptive"]
    assert "adaptive, words 0.3 s late" in names
    for row in found["all"]:
        assert len(row["held_out"]) == len(BUDGETS)
        assert row["as_it_comes"]["main"]["missed"] == 0
        assert row["as_it_comes"]["main"]["mean_ms"] < 1000
    lines = [json.loads(line) for line in (tmp_path / "decisions.jsonl").read_text().splitlines()]
    assert {line["path"] for line in lines} == {f"{n}.wav" for n in range(4)}
    assert {line["policy"] for line in lines} == set(names)


def test_a_folder_of_nothing_is_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assistant", "bench", "endpointing", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("name the file with --truth")
