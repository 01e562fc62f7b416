"""What is said, called and found, as chat APIs want it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from assistant.conversation.history import Instruction
from assistant.ports import ChatAbilities, Delta, Message, Text, Tool, ToolCall, ToolResult
from providers._calls import asked
from providers._messages import Turn, own, turns, without_tools

SYSTEM = Message("system", (Text("Be brief."),))


def user(*texts: str) -> Message:
    return Message("user", tuple(map(Text, texts)))


def assistant(*texts: str) -> Message:
    return Message("assistant", tuple(map(Text, texts)))


def called(id: str, text: str = "") -> Message:
    return Message("assistant", (*([Text(text)] if text else []), ToolCall(id, "look", {"at": id})))


def found(id: str, content: str = "a cat") -> Message:
    return Message("user", (ToolResult(id, "look", content),))


def test_neighbours_of_one_role_are_one_turn() -> None:
    system, rest = turns([SYSTEM, user("Hello."), user("  "), user("What is it?"), assistant("A cat."), SYSTEM])
    assert system == "Be brief.\n\nBe brief."
    assert rest == [Turn("user", "Hello.\nWhat is it?"), Turn("assistant", "A cat.")]


def test_calls_and_results_keep_their_places() -> None:
    _, rest = turns([user("What is it?"), called("1", "Let me see."), found("1"), user("And there?")])
    assert rest == [
        Turn("user", "What is it?"),
        Turn("assistant", "Let me see.", calls=(ToolCall("1", "look", {"at": "1"}),)),
        Turn("user", "And there?", results=(ToolResult("1", "look", "a cat"),)),
    ]


def test_an_id_that_comes_again_is_made_another() -> None:
    _, rest = turns(
        [user("?"), called("0"), found("0"), assistant("!"), user("?"), called("0"), found("0"), called("0")]
    )
    assert [call.id for turn in rest for call in turn.calls] == ["0", "0_2", "0_3"]
    assert [result.id for turn in rest for result in turn.results] == ["0", "0_2"]


def test_what_is_a_providers_own_is_nobody_elses() -> None:
    call = ToolCall("1", "look", opaque=("gemini", b"signature"))
    assert own(call, "gemini") == b"signature"
    assert own(call, "anthropic") is None
    assert own(ToolCall("1", "look"), "gemini") is None


def test_a_model_without_tools_is_told_what_was_found_for_this_answer_alone() -> None:
    earlier = [user("What was it?"), called("1"), found("1", "a dog"), assistant("A dog.")]
    now = [user("And now?"), called("2", "Let me see."), found("2")]
    *before, told = without_tools([SYSTEM, *earlier, *now])
    assert before == [SYSTEM, earlier[0], earlier[3], now[0], assistant("Let me see.")]
    assert told == Message("user", (Instruction("For this answer look was called, and gave: a cat"),))
    assert not told.said


def test_a_conversation_without_tools_stays_as_it_is() -> None:
    messages = [SYSTEM, user("Hello."), assistant("Hi."), Message("user", (Instruction("Go on."),))]
    assert without_tools(messages) == messages


class Able:
    """A ChatModel that takes tools, and shows what it was given."""

    name = "able"
    abilities = ChatAbilities(tools=True)

    def __init__(self) -> None:
        self.given: list[object] = []

    def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        self.given += [list(messages), list(tools)]
        return _nothing()


class Unable:
    """One that knows of none."""

    name = "unable"

    def __init__(self) -> None:
        self.given: list[object] = []

    def reply(self, messages: Sequence[Message]) -> AsyncIterator[Delta]:
        self.given.append(list(messages))
        return _nothing()


async def _nothing() -> AsyncIterator[Delta]:
    for delta in ():
        yield delta


def test_each_model_of_a_chain_is_given_the_tools_that_it_can_take() -> None:
    messages, tool = [user("What is it?"), called("1"), found("1")], Tool("look", "Looks.", {"type": "object"})
    able, unable = Able(), Unable()
    for model in (able, unable):
        asked(model, messages, [tool])
    assert able.given == [messages, [tool]]
    assert unable.given == [without_tools(messages)]
