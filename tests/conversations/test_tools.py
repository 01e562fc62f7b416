"""Tools in conversations: when they are called, what becomes of them, and what the model is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio
import pytest

from assistant.ports import (
    ChatAbilities,
    Delta,
    FailedMidway,
    Message,
    ProviderError,
    SideEffect,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolResult,
)
from assistant.session import Session
from assistant.writing import GO_ON, ROUNDS

from .sheet import Sheet, Trace, read
from .test_effects import announced
from .test_sheets import on_virtual_time, sheet_at

SHEETS = Path(__file__).parent / "sheets"
LOOK = ToolCall("1", "look", {"what": "garden"}, opaque=("asked", "a signature"))
QUESTION = 'user 1.0-2.0 "what is there"\ntts word=0.2\nend 9\n'


class Asked:
    """A ChatModel that answers each call with the next of ``answers``, and keeps what it was asked with.

    A number is a wait in seconds, an exception is raised. The last answer is given again and again.
    """

    name = "asked"
    abilities = ChatAbilities(tools=True)

    def __init__(self, *answers: Sequence[Delta | float | Exception]) -> None:
        self._answers = list(answers)
        self.messages: list[list[Message]] = []
        self.tools: list[list[Tool]] = []

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        self.messages.append(list(messages))
        self.tools.append(list(tools))
        for delta in self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]:
            if isinstance(delta, Exception):
                raise delta
            if isinstance(delta, int | float):
                await anyio.sleep(delta)
            else:
                yield delta


def held(folder: Path, text: str, model: object) -> tuple[Sheet, Trace, Session]:
    sheet = read(text)
    sheet.model = model  # type: ignore[assignment]
    trace, session = on_virtual_time(sheet, folder)
    return sheet, trace, session


def played(folder: Path, name: str) -> tuple[Sheet, Trace, Session]:
    sheet = sheet_at(SHEETS / f"{name}.txt")
    trace, session = on_virtual_time(sheet, folder)
    return sheet, trace, session


def finished(trace: Trace) -> list[str]:
    return [notice.data["text"] for notice in trace.notices if notice.event == "reply.finished"]


def moments(trace: Trace, event: str) -> list[float]:
    return [notice.t for notice in trace.notices if notice.event == event]


# --- when ------------------------------------------------------------------------------------------------------------


def test_what_changes_something_is_called_once_and_not_before_the_commit(tmp_path: Path) -> None:
    """The first draft comes to its call too, and is thrown away while it waits there."""
    sheet, trace, _ = played(tmp_path, "tool_draft_waits")
    assert len(moments(trace, "reply.drafted")) == 2
    assert [(name, what) for _, name, what in sheet.called] == [("lamp", "kitchen"), ("lamp", "done")]
    assert moments(trace, "tool.called") == moments(trace, "reply.committed")


def test_a_pure_one_is_called_by_every_draft(tmp_path: Path) -> None:
    sheet, trace, _ = played(tmp_path, "tool_pure_for_the_second_draft")
    assert [what for _, _, what in sheet.called] == ["", "done"] * 2
    assert max(moments(trace, "tool.called")) < min(moments(trace, "reply.committed"))


def test_one_that_is_not_pure_makes_all_of_them_wait(tmp_path: Path) -> None:
    text = f'config silence_ms=700\n{QUESTION}tool look pure=on "a cat"\ntool lamp "on"'
    model = Asked([LOOK, ToolCall("2", "lamp")], [TextDelta("There.")])
    _, trace, _ = held(tmp_path, text, model)
    assert moments(trace, "tool.called") == moments(trace, "reply.committed") * 2


def test_several_are_called_side_by_side(tmp_path: Path) -> None:
    text = f'{QUESTION}tool look takes=0.5 "a cat"\ntool hear takes=0.4 "a bird"'
    model = Asked([ToolCall("1", "look"), ToolCall("2", "hear")], [TextDelta("There.")])
    sheet, trace, _ = held(tmp_path, text, model)
    began = [at for at, _, what in sheet.called if what == ""]
    assert began[0] == began[1]
    assert max(at for at, _, _ in sheet.called) == pytest.approx(began[0] + 0.5)
    results = model.messages[1][-1].parts
    assert results == (ToolResult("1", "look", "a cat"), ToolResult("2", "hear", "a bird")), "in the calls' order"


def test_an_interruption_cancels_what_is_being_done(tmp_path: Path) -> None:
    sheet, trace, _ = played(tmp_path, "tool_interrupted")
    [interrupted] = moments(trace, "reply.interrupted")
    [(_, _, begun), (at, _, end)] = sheet.called
    assert (begun, end) == ("garden", "cancelled")
    assert at == pytest.approx(sheet.called[0][0] + interrupted - moments(trace, "tool.called")[0])


def test_a_model_that_never_stops_calling_has_to_answer_in_the_end(tmp_path: Path) -> None:
    model = Asked(*[[ToolCall(str(number), "look")] for number in range(ROUNDS)], [TextDelta("A cat."), LOOK])
    sheet, trace, _ = held(tmp_path, f'{QUESTION}tool look "a cat"', model)
    assert finished(trace) == ["A cat."]
    assert [len(tools) for tools in model.tools] == [1] * ROUNDS + [0]
    assert [what for _, _, what in sheet.called].count("done") == ROUNDS, "and what it calls then is not called"


# --- what the model is told -------------------------------------------------------------------------------------------


def test_it_goes_on_with_its_words_its_calls_and_their_results(tmp_path: Path) -> None:
    model = Asked([TextDelta("Let me see. "), LOOK], [TextDelta("A cat.")])
    _, trace, _ = held(tmp_path, f'config drafts=off\n{QUESTION}tool look "a cat in the {{what}}"', model)
    assert finished(trace) == ["Let me see. A cat."]
    first, second = model.messages
    assert second == [
        *first,
        Message("assistant", (Text("Let me see."), LOOK)),
        Message("user", (ToolResult("1", "look", "a cat in the garden"),)),
    ]
    assert {tool.name for tool in model.tools[0]} == {"look"} and model.tools[0] == model.tools[1]


def test_a_later_turn_knows_what_was_found(tmp_path: Path) -> None:
    """Without what only the answer under way needed: the words between the calls, and a vendor's signatures."""
    model = Asked([TextDelta("Let me see. "), LOOK], [TextDelta("A cat.")], [TextDelta("Black.")])
    text = f'config drafts=off\n{QUESTION}user 5.0-6.0 "and what else"\ntool look "a cat"'
    held(tmp_path, text, model)
    assert model.messages[2][2:-1] == [
        Message("assistant", (ToolCall("1", "look", {"what": "garden"}),)),
        Message("user", (ToolResult("1", "look", "a cat"),)),
        Message("assistant", (Text("Let me see. A cat."),)),
    ]


def test_an_answer_taken_back_is_followed_by_one_that_knows_what_was_done(tmp_path: Path) -> None:
    sheet, trace, _ = played(tmp_path, "tool_taken_back")
    assert [what for _, _, what in sheet.called] == ["", "done"]
    model = Asked([LOOK, TextDelta("")], [1.0, TextDelta("A cat.")])
    text = 'config drafts=off\nuser 1.0-2.0 "look"\nuser 2.5-3.0 "please"\ntts word=0.2\nend 9\ntool look "a cat"'
    held(tmp_path, text, model)
    *_, question, called, found = model.messages[-1]
    assert question.text == "look please"
    assert (called.parts, found.parts) == ((LOOK,), (ToolResult("1", "look", "a cat"),)), "as its vendor wants it"


def test_a_model_that_takes_no_tools_is_told_of_none(tmp_path: Path) -> None:
    class Plain(Asked):
        abilities = ChatAbilities()

    model = Plain([TextDelta("I cannot see."), LOOK])
    sheet, trace, _ = held(tmp_path, f'{QUESTION}tool look "a cat"', model)
    assert finished(trace) == ["I cannot see."]
    assert model.tools == [[]]
    assert sheet.called == []


# --- when a model fails -----------------------------------------------------------------------------------------------


def broken_off() -> FailedMidway:
    return FailedMidway("it broke off", provider="asked")


def test_a_call_that_was_not_the_end_of_the_answer_is_not_made(tmp_path: Path) -> None:
    """The model broke off behind it; whoever goes on calls what it needs."""
    model = Asked([TextDelta("Let me see. "), LOOK, broken_off()], [LOOK], [TextDelta("A cat.")])
    sheet, trace, _ = held(tmp_path, f'{QUESTION}tool look "a cat"', model)
    assert finished(trace) == ["Let me see. A cat."]
    assert [what for _, _, what in sheet.called] == ["garden", "done"]
    assert [message.text for message in model.messages[1][-2:]] == ["Let me see.", GO_ON]
    called = model.messages[2][-2]
    assert called.parts == (Text("Let me see."), LOOK), "as if one model had said and called it all"


def test_one_that_breaks_off_behind_the_results_is_followed_by_one_that_has_them(tmp_path: Path) -> None:
    model = Asked([LOOK], [TextDelta("A cat. "), TextDelta("It is"), broken_off()], [TextDelta("It sleeps.")])
    sheet, trace, _ = held(tmp_path, f'{QUESTION}tool look "a cat"', model)
    assert finished(trace) == ["A cat. It sleeps."]
    assert [what for _, _, what in sheet.called] == ["garden", "done"]
    *_, called, found, said, instruction = model.messages[2]
    assert (called.parts, found.parts) == ((LOOK,), (ToolResult("1", "look", "a cat"),))
    assert (said.text, instruction.text) == ("A cat.", GO_ON)


def test_when_nobody_is_left_what_was_found_is_not_lost(tmp_path: Path) -> None:
    model = Asked([LOOK], [ProviderError("it is ill", provider="asked")], [TextDelta("A cat, as I said.")])
    text = f'config drafts=off\n{QUESTION}user 6.0-6.5 "and now"\ntool look "a cat"'
    _, trace, session = held(tmp_path, text, model)
    assert [n.data["kind"] for n in trace.notices if n.event == "reply.started"] == ["answer", "apology", "answer"]
    assert [message.role for message in session.history.messages()] == [
        "system", "user", "assistant", "user", "assistant", "user", "assistant",
    ]  # fmt: skip
    assert finished(trace)[-1] == "A cat, as I said."
    assert ToolResult("1", "look", "a cat") in model.messages[2][3].parts


# --- while it takes long ----------------------------------------------------------------------------------------------


def test_something_is_said_when_a_call_takes_long_and_nothing_was(tmp_path: Path) -> None:
    model = Asked([LOOK], [LOOK], [TextDelta("A cat.")])
    _, trace, session = held(tmp_path, f'{QUESTION}tool look takes=1.5 "a cat"', model)
    [called, _] = moments(trace, "tool.called")
    said = [(n.t, n.data["text"]) for n in trace.notices if n.event == "reply.sentence"]
    assert said[0] == (pytest.approx(called + 1.0), "One moment.")
    assert finished(trace) == ["One moment. A cat."], "and once"
    assert session.history.entries[-1].text == "One moment. A cat."
    assert model.messages[1][-2].parts == (Text("One moment."), LOOK), "the model is not to say it again"
    assert [n.data["underruns"] for n in trace.notices if n.event == "session.ended"] == [0]


def test_two_short_calls_are_a_long_one(tmp_path: Path) -> None:
    model = Asked([LOOK], [LOOK], [TextDelta("A cat.")])
    _, trace, _ = held(tmp_path, f'{QUESTION}tool look takes=0.7 "a cat"', model)
    assert finished(trace) == ["One moment. A cat."]


@pytest.mark.parametrize("takes", [0.9, 3.0])
def test_nothing_is_said_when_something_was_or_the_answer_is_near(tmp_path: Path, takes: float) -> None:
    said = "Let me see. " if takes > 1 else ""
    model = Asked([*([TextDelta(said)] if said else []), LOOK], [TextDelta("A cat.")])
    _, trace, _ = held(tmp_path, f'{QUESTION}tool look takes={takes} "a cat"', model)
    assert finished(trace) == [f"{said}A cat."]


@pytest.mark.parametrize(("takes", "said"), [(1.8, "A cat."), (2.6, "One moment. A cat.")])
def test_a_draft_says_it_only_once_somebody_waits(tmp_path: Path, takes: float, said: str) -> None:
    """The user has finished at 2.0, which is certain at 4.0. A pure call was made at 2.1."""
    text = f'config silence_ms=2000\n{QUESTION}tool look pure=on takes={takes} "a cat"'
    _, trace, _ = held(tmp_path, text, Asked([LOOK], [TextDelta("A cat.")]))
    assert finished(trace) == [said]
    audible = min(moments(trace, "reply.audible"))
    assert audible == pytest.approx(moments(trace, "reply.committed")[0], abs=0.01)


# --- and besides ------------------------------------------------------------------------------------------------------


def test_what_is_wanted_done_goes_with_what_is_called(tmp_path: Path) -> None:
    """A model may want the same twice in one answer; one that goes on with another's may not."""

    def timer(seconds: float) -> SideEffect:
        return SideEffect("timer", {"seconds": seconds, "say": f"After {seconds:g}."})

    model = Asked(
        [TextDelta("One. "), timer(1), LOOK],
        [TextDelta("Two. "), timer(2), broken_off()],
        [timer(2), TextDelta("Three.")],
    )
    _, trace, _ = held(tmp_path, f'{QUESTION}tool look "a cat"', model)
    assert finished(trace)[0] == "One. Two. Three."
    assert announced(trace) == ["After 1.", "After 2."]


def test_calls_and_results_are_recorded_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant.config.secrets import protect

    protect(["hunter2-hunter2"])
    calls = [ToolCall("1", "look", {"what": "hunter2-hunter2"}), ToolCall("2", "look", {"token": "abc"})]
    model = Asked(calls, [TextDelta("?")])
    _, trace, _ = held(tmp_path, f'{QUESTION}tool look "with hunter2-hunter2: {{what}}"', model)
    kept = [n.data for n in trace.notices if n.event == "_" and n.data["what"] in ("call", "result")]
    assert kept[:3] == [
        {"stage": "llm", "what": "call", "name": "look", "arguments": {"what": "***"}},
        {"stage": "llm", "what": "call", "name": "look", "arguments": {"token": "***"}},
        {"stage": "tool", "what": "result", "name": "look", "failed": True, "text": kept[2]["text"]},
    ]
    assert kept[2]["text"].startswith("failed: the arguments do not fit: Object contains unknown field `token`")
    assert kept[3]["text"] == "with ***: ***"
    results = [part.content for part in model.messages[1][-1].parts]
    assert results[0] == "with hunter2-hunter2: hunter2-hunter2", "the model is told what its tool says"
