"""Python functions as tools: what the model is told of them, what it may send, and what comes back."""

from __future__ import annotations

import dataclasses
import enum
import functools
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
import pytest
from msgspec import Meta

from assistant.config import Settings
from assistant.config.secrets import protect
from assistant.config.settings import Tools
from assistant.errors import ParleyError
from assistant.ports import ToolCall, ToolResult
from assistant.tools import LONGEST, Function, Toolbox, chosen, pure

pytestmark = pytest.mark.anyio


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Lamp:
    room: str
    on: bool = True


def forecast(
    city: Annotated[str, Meta(description="Its name in English.")],
    days: int = 1,
    unit: Literal["C", "F"] | None = None,
) -> str:
    """The weather in a city.

    For the coming days.
    """
    return f"{city} {days} {unit}"


@pure
def switch(lamps: list[Lamp], colour: Colour = Colour.RED) -> list[Lamp]:
    return [*lamps, Lamp(colour.value)]


def called(name: str, **arguments: Any) -> ToolCall:
    return ToolCall("1", name, arguments)


async def result_of(function: Callable[..., Any], **arguments: Any) -> str:
    """What the model is told."""
    box = Toolbox([Function.of(function)])
    result = await box.run(called(box.tools[0].name, **arguments))
    assert not result.failed, result.content
    return result.content


async def failure_of(function: Callable[..., Any], timeout: float = 5.0, **arguments: Any) -> str:
    box = Toolbox([Function.of(function)], timeout=timeout)
    result = await box.run(called(box.tools[0].name, **arguments))
    assert result == ToolResult("1", box.tools[0].name, result.content, failed=True)
    assert "\n" not in result.content
    return result.content.removeprefix("failed: ")


# --- what the model is told of a function -----------------------------------------------------------------------------


def test_it_is_told_by_its_name_its_docstring_and_its_hints() -> None:
    tool = Function.of(forecast).tool
    assert (tool.name, tool.description, tool.pure) == (
        "forecast",
        "The weather in a city.\n\nFor the coming days.",
        False,
    )
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Its name in English."},
            "days": {"type": "integer", "default": 1},
            "unit": {"anyOf": [{"enum": ["C", "F"]}, {"type": "null"}]},
        },
        "required": ["city"],
        "additionalProperties": False,
    }


def test_types_of_its_own_are_described_too() -> None:
    tool = Function.of(switch).tool
    assert tool.pure
    assert tool.description == "switch", "it has no docstring"
    assert tool.parameters["properties"]["lamps"] == {"type": "array", "items": {"$ref": "#/$defs/Lamp"}}
    assert tool.parameters["$defs"]["Lamp"]["required"] == ["room"]


def nothing() -> None: ...


class Clock:
    """An object that can be called."""

    def __call__(self, zone: str = "UTC") -> str:
        """The time."""
        return zone

    def alarm(self, at: str) -> str:
        """Set an alarm."""
        return at


@pytest.mark.parametrize(
    ("function", "name", "description", "parameters"),
    [
        (nothing, "nothing", "nothing", []),
        (Clock(), "clock", "The time.", ["zone"]),
        (Clock().alarm, "alarm", "Set an alarm.", ["at"]),
        (functools.partial(forecast, "Paris"), "weather", "The weather in a city.", ["days", "unit"]),
    ],
)
def test_whatever_can_be_called_can_be_a_tool(
    function: Callable[..., Any], name: str, description: str, parameters: Sequence[str]
) -> None:
    tool = Function.of(function, name).tool
    assert (tool.name, tool.description.splitlines()[0]) == (name, description)
    assert list(tool.parameters["properties"]) == parameters


def unhinted(city) -> str: ...  # type: ignore[no-untyped-def, empty-body]


def any_number(*cities: str) -> None: ...


def anything(**what: str) -> None: ...


def threaded(thread: threading.Thread) -> None: ...


def unreadable(city: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (unhinted, "the tool 'unhinted' needs a type hint for its parameter city"),
        (any_number, "takes *cities: give each of its parameters a name"),
        (anything, "takes *what: give each of its parameters a name"),
        (threaded, "takes something that JSON has no form for (type <class 'threading.Thread'> is not supported)"),
        (unreadable, "has type hints that cannot be read (name 'Missing' is not defined)"),
        (Lamp, "the tool 'Lamp' is no function"),
        (42, "the tool 'answer' is no function"),
        (lambda: None, "the tool '<lambda>' needs another name"),
    ],
)
def test_what_cannot_be_a_tool_is_told_why(function: Any, says: str) -> None:
    with pytest.raises(ParleyError) as caught:
        Function.of(function, "answer")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


# --- what it is called with -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ({"city": "Paris"}, "Paris 1 None"),
        ({"city": "Paris", "days": 3, "unit": "C"}, "Paris 3 C"),
        ({"city": "Paris", "days": "3", "unit": None}, "Paris 3 None"),
    ],
)
async def test_arguments_become_what_the_hints_say(arguments: Mapping[str, Any], answer: str) -> None:
    assert await result_of(forecast, **arguments) == answer


async def test_nested_ones_too() -> None:
    lamps = [{"room": "kitchen", "on": False}]
    assert (
        await result_of(switch, lamps=lamps, colour="blue")
        == '[{"room":"kitchen","on":false},{"room":"blue","on":true}]'
    )


async def test_parameters_without_names() -> None:
    def add(a: int, b: int = 2, /, *, times: int = 1) -> int:
        return (a + b) * times

    assert await result_of(add, a=1) == "3"
    assert await result_of(add, a=1, b=3, times=2) == "8"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "Object missing required field `city`"),
        ({"city": 3}, "Expected `str`, got `int` - at `$.city`"),
        ({"city": "Paris", "days": "many"}, "at `$.days`"),
        ({"city": "Paris", "hour": 3}, "Object contains unknown field `hour`"),
        ({"city": "Paris", "unit": "K"}, "Invalid enum value 'K' - at `$.unit`"),
    ],
)
async def test_arguments_that_do_not_fit_are_told_to_the_model(arguments: Mapping[str, Any], says: str) -> None:
    told = await failure_of(forecast, **arguments)
    assert told.startswith("the arguments do not fit: ")
    assert says in told


async def test_a_tool_that_there_is_not() -> None:
    result = await Toolbox([Function.of(forecast), Function.of(switch)]).run(called("dance"))
    assert (result.content, result.failed) == (
        "failed: there is no tool called dance; there are: forecast, switch",
        True,
    )


# --- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "done"),
        ("a cat", "a cat"),
        ("", ""),
        (3, "3"),
        (True, "true"),
        ({"at": [1, 2.5]}, '{"at":[1,2.5]}'),
        (Lamp("hall"), '{"room":"hall","on":true}'),
        ("half \ud83d", "half ?"),
        ("x" * (LONGEST + 5), "x" * (LONGEST - 1) + "…"),
    ],
)
async def test_results_are_text_or_json_and_not_too_long(value: Any, text: str) -> None:
    def give() -> Any:
        return value

    assert await result_of(give) == text


async def test_a_result_that_has_no_form_is_a_failure() -> None:
    def give() -> Any:
        return threading.Lock()

    assert "TypeError" in await failure_of(give)


class Odd(BaseException):
    """No ordinary error."""


@pytest.mark.parametrize(
    ("raised", "says"),
    [
        (ValueError("no such\n  city"), "ValueError: no such city"),
        (KeyError(), "KeyError"),
        (SystemExit(3), "SystemExit: 3"),
        (Odd("one"), "Odd: one"),
        (ExceptionGroup("many", [ValueError("one")]), "ExceptionGroup: many (1 sub-exception)"),
        (RuntimeError("with sk-live-0123456789abcdef in it"), "RuntimeError: with *** in it"),
        (RuntimeError("with distinctive-value-1 in it"), "RuntimeError: with *** in it"),
        (RuntimeError("long " * 100), "RuntimeError: long long"),
    ],
)
@pytest.mark.parametrize("is_async", [True, False], ids=["async", "sync"])
async def test_what_it_raises_is_one_sentence_for_the_model(raised: BaseException, says: str, is_async: bool) -> None:
    protect(["distinctive-value-1"])

    async def fail_async() -> str:
        raise raised

    def fail() -> str:
        raise raised

    told = await failure_of(fail_async if is_async else fail)
    assert told.startswith(says)
    assert len(told) <= 170


# --- how long it may take ---------------------------------------------------------------------------------------------


async def test_an_async_one_that_takes_too_long_is_cancelled() -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("yes")

    assert await failure_of(wait, timeout=0.05) == "it has not ended within 0.05 s"
    assert ended == ["yes"]


async def test_one_that_cancels_itself_ends_nothing_but_itself() -> None:
    import asyncio

    async def give_up() -> None:
        raise asyncio.CancelledError

    assert await failure_of(give_up) == "it gave up"


async def test_a_blocking_one_has_a_thread_of_its_own_which_is_left_to_itself() -> None:
    """The loop runs on meanwhile; and the thread keeps no program from ending."""
    released, threads = threading.Event(), list[threading.Thread]()

    def block() -> None:
        threads.append(threading.current_thread())
        released.wait(20)

    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.01)
            ticks += 1

    async with anyio.create_task_group() as group:
        group.start_soon(tick)
        assert await failure_of(block, timeout=0.2) == "it has not ended within 0.2 s"
        group.cancel_scope.cancel()
    assert ticks > 3
    [thread] = threads
    assert thread is not threading.main_thread()
    assert thread.daemon and thread.is_alive()
    released.set()
    with anyio.fail_after(5):
        while thread.is_alive():  # noqa: ASYNC110 - a thread's end sets no event
            await anyio.sleep(0.01)


async def test_cancelling_the_caller_cancels_the_function() -> None:
    began, ended = anyio.Event(), anyio.Event()

    async def wait() -> None:
        began.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.set()

    box = Toolbox([Function.of(wait)])
    async with anyio.create_task_group() as group:
        group.start_soon(box.run, called("wait"))
        await began.wait()
        group.cancel_scope.cancel()
    assert ended.is_set()


async def test_what_a_plain_function_gives_to_be_awaited_is_awaited() -> None:
    async def later() -> str:
        return "a cat"

    def give() -> Any:
        return later()

    assert await result_of(give) == "a cat"


# --- by name ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of somebody else's, with an entry point, as it would be installed."""
    package, metadata = tmp_path / "gardening", tmp_path / "gardening-1.0.dist-info"
    package.mkdir()
    metadata.mkdir()
    (package / "__init__.py").write_text("", "utf-8")
    (package / "look.py").write_text(
        'def look(where: str) -> str:\n    "What is there."\n    return "a cat"\n\n\nword = "no function"\n', "utf-8"
    )
    (package / "broken.py").write_text("import no_such_module_at_all\n", "utf-8")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gardening\nVersion: 1.0\n", "utf-8")
    entry_points = "[parley.tools]\ngarden = gardening.look:look\nbad = gardening.broken:look\n"
    (metadata / "entry_points.txt").write_text(entry_points, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "gardening"]:
        del sys.modules[name]


def box_of(*names: str) -> Toolbox:
    return chosen(Settings(tools=Tools(functions=names, timeout=3.0, filler="Hm.")))


@pytest.mark.parametrize("name", ["garden", "gardening.look:look"])
async def test_functions_are_found_by_name(installed: Path, name: str) -> None:
    box = box_of(name)
    assert [tool.name for tool in box.tools] == ["look"]
    assert (await box.run(called("look", where="there"))).content == "a cat"
    assert (box.timeout, box.filler) == (3.0, "Hm.")


def test_no_functions_no_tools() -> None:
    assert box_of().tools == ()


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["gardn"], "there is no tool called 'gardn'; name those of the installed packages: bad, garden, or give"),
        (["gardening.look:sniff"], "the tool 'gardening.look:sniff' cannot be loaded (AttributeError: module"),
        (["gardening.lock:look"], "cannot be loaded (ModuleNotFoundError: No module named 'gardening.lock')"),
        (["bad"], "the tool 'bad' cannot be loaded (ModuleNotFoundError: No module named 'no_such_module_at_all')"),
        (["gardening.look:word"], "the tool 'word' is no function"),
        (["gardening.look:"], 'is not of the form "package.module:function"'),
        (["a b:c"], 'is not of the form "package.module:function"'),
        (["garden", "gardening.look:look"], "two tools are called 'look'"),
    ],
)
def test_a_wrong_name_is_one_clear_sentence(installed: Path, names: list[str], says: str) -> None:
    with pytest.raises(ParleyError) as caught:
        box_of(*names)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
