"""Python functions that the model may call.

A function's name, its docstring and its type hints are what the model is told of it; what it returns goes back to the
model. `pure` marks one that changes nothing, so that it may be called before it is certain that the user has finished.
Packages offer theirs under the entry-point group ``parley.tools``; ``package.module:function`` names any other.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, Union, get_type_hints

import anyio
import anyio.lowlevel
import msgspec

from assistant.abandoned import in_thread
from assistant.config import Settings, scrub
from assistant.errors import ParleyError
from assistant.ports import Tool, ToolCall, ToolResult
from providers._errors import scrubbed

GROUP = "parley.tools"
LONGEST = 4000
"""Characters of a result: a model reads all of it again for every later answer."""
DONE = "done"
"""What the model is told of a function that returns nothing."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")

F = TypeVar("F", bound=Callable[..., Any])


def pure(function: F) -> F:
    """Decorator: the function changes nothing outside itself, so that a draft may call it, and call it in vain."""
    function.pure = True  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True)
class Function:
    """A Python function as a tool."""

    tool: Tool
    call: Callable[..., Any]
    parameters: type[msgspec.Struct]

    @classmethod
    def of(cls, function: Callable[..., Any], name: str = "") -> Function:
        """``name``: where the function has none of its own. Raises ParleyError for one that cannot be a tool."""
        name = getattr(function, "__name__", "") or name
        if not callable(function) or inspect.isclass(function):
            raise ParleyError(f"the tool {name!r} is no function")
        if not _NAME.fullmatch(name):
            raise ParleyError(f"the tool {name!r} needs another name: letters, digits, _ and -, at most 64")
        parameters = _parameters(function, name)
        description = inspect.getdoc(_underneath(function)) or name.replace("_", " ")
        tool = Tool(name, description, _schema(parameters, function, name), bool(getattr(function, "pure", False)))
        return cls(tool, function, parameters)

    async def __call__(self, arguments: Mapping[str, Any]) -> Any:
        """Raises whatever it raises, and msgspec.ValidationError for arguments that do not fit."""
        # A model may write a number as text.
        given = msgspec.convert(dict(arguments), self.parameters, strict=False)
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for name, parameter in inspect.signature(self.call).parameters.items():
            value = getattr(given, name)
            if value is msgspec.UNSET:
                continue  # the function has a default
            if parameter.kind is parameter.POSITIONAL_ONLY:
                positional.append(value)
            else:
                named[name] = value
        work = partial(self.call, *positional, **named)
        result = work() if _is_async(self.call) else await in_thread(work)
        return await result if isinstance(result, Awaitable) else result


class Toolbox:
    """What the model of a session may call."""

    def __init__(
        self, functions: Sequence[Function] = (), *, timeout: float = 20.0, filler: str = "One moment."
    ) -> None:
        """``timeout``: seconds that a call may take. ``filler``: said while one takes long and nothing else has been
        said; "" for silence. Raises ParleyError for two functions of one name."""
        self.tools = tuple(function.tool for function in functions)
        self.timeout = timeout
        self.filler = filler
        self._functions = {function.tool.name: function for function in functions}
        if len(self._functions) < len(functions):
            names = [tool.name for tool in self.tools]
            twice = next(name for name in names if names.count(name) > 1)
            raise ParleyError(f"two tools are called {twice!r}, and the model could not tell them apart: leave one out")

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    def pure(self, calls: Sequence[ToolCall]) -> bool:
        """Whether calling them all changes nothing."""
        return all(call.name not in self or self._functions[call.name].tool.pure for call in calls)

    async def run(self, call: ToolCall) -> ToolResult:
        """Call it and return what came of it, whatever that is. Cancelling cancels an async function and abandons the
        thread of another."""
        if call.name not in self:
            known = ", ".join(self._functions) or "none"
            return failed(call, f"there is no tool called {call.name}; there are: {known}")
        result: Any = None
        reason = f"it has not ended within {self.timeout:g} s"
        with anyio.move_on_after(self.timeout):
            try:
                result, reason = _as_text(await self._functions[call.name](call.arguments)), ""
            except anyio.get_cancelled_exc_class():
                await anyio.lowlevel.checkpoint_if_cancelled()
                reason = "it gave up"  # nobody has cancelled it but itself
            except (GeneratorExit, KeyboardInterrupt):
                raise
            except msgspec.ValidationError as error:
                reason = f"the arguments do not fit: {error}"
            except BaseException as error:  # SystemExit too: what ends is the function alone
                reason = f"{type(error).__name__}: {error}".rstrip(": ")
        return failed(call, reason) if reason else ToolResult(call.id, call.name, result)


def failed(call: ToolCall, reason: str) -> ToolResult:
    """The result of a call that came to nothing, with the reason in one line and without secrets."""
    return ToolResult(call.id, call.name, f"failed: {scrubbed(scrub(reason))}", failed=True)


def chosen(settings: Settings) -> Toolbox:
    """The functions that the settings name, by an entry point or as ``package.module:function``. Imports their modules.

    Raises ParleyError for one that there is not, or that cannot be a tool.
    """
    table = settings.tools
    return Toolbox([_load(name) for name in table.functions], timeout=table.timeout, filler=table.filler)


def _load(name: str) -> Function:
    entry = _entry(name)
    try:
        function = entry.load()
    except Exception as error:  # it is somebody's module: anything may be wrong with it
        what = scrubbed(scrub(f"{type(error).__name__}: {error}"))
        raise ParleyError(f"the tool {name!r} cannot be loaded ({what})") from error
    return Function.of(function, entry.value.rpartition(":")[2].rpartition(".")[2])


def _entry(name: str) -> EntryPoint:
    if ":" in name:
        if not _PATH.fullmatch(name):
            raise ParleyError(f'the tool {name!r} is not of the form "package.module:function"')
        return EntryPoint(name, name, GROUP)
    offered = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in offered:
        known = f"those of the installed packages: {', '.join(sorted(offered))}" if offered else "one that is installed"
        raise ParleyError(f"there is no tool called {name!r}; name {known}, or give package.module:function")
    return offered[name]


# --- what the model is told -------------------------------------------------------------------------------------------


def _parameters(function: Callable[..., Any], name: str) -> type[msgspec.Struct]:
    """A struct with a field for each parameter; UNSET where the function's own default holds."""
    try:
        hints = get_type_hints(_underneath(function), include_extras=True)
    except Exception as error:  # a name in a hint may be anything
        raise ParleyError(f"the tool {name!r} has type hints that cannot be read ({error})") from None
    fields: list[Any] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ParleyError(f"the tool {name!r} takes *{parameter.name}: give each of its parameters a name")
        if parameter.name not in hints:
            raise ParleyError(f"the tool {name!r} needs a type hint for its parameter {parameter.name}")
        kind = hints[parameter.name]
        optional = parameter.default is not parameter.empty
        # Not `|`: a hint may be anything that `Union` takes.
        fields.append(
            (parameter.name, Union[kind, msgspec.UnsetType], msgspec.UNSET)  # noqa: UP007
            if optional
            else (parameter.name, kind)
        )
    try:
        return msgspec.defstruct(name.replace("-", "_"), fields, kw_only=True, forbid_unknown_fields=True)
    except (TypeError, ValueError) as error:
        raise ParleyError(f"the tool {name!r} has parameters that cannot be read ({error})") from None


def _schema(parameters: type[msgspec.Struct], function: Callable[..., Any], name: str) -> dict[str, Any]:
    try:
        (top,), parts = msgspec.json.schema_components([parameters], ref_template="#/$defs/{name}")
    except (TypeError, ValueError) as error:
        why = " ".join(str(error).rpartition("\n\n")[2].split())
        raise ParleyError(f"the tool {name!r} takes something that JSON has no form for ({why})") from None
    schema = dict(parts.pop(top["$ref"].rpartition("/")[2]))
    del schema["title"]
    for key, parameter in inspect.signature(function).parameters.items():
        if isinstance(parameter.default, bool | int | float | str):
            schema["properties"][key] = {**schema["properties"][key], "default": parameter.default}
    return schema | ({"$defs": parts} if parts else {})


def _underneath(function: Callable[..., Any]) -> Any:
    """Where the docstring and the hints are: not a partial's or an object's own."""
    while isinstance(function, partial):
        function = function.func
    return function if inspect.isroutine(function) else type(function).__call__


def _is_async(function: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(_underneath(function))


# --- what came of it --------------------------------------------------------------------------------------------------


def _as_text(result: Any) -> str:
    """Text as it is, anything else as JSON. Raises TypeError for what has no such form."""
    if result is None:
        return DONE
    if isinstance(result, str):
        text = result.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be sent
    else:
        text = msgspec.json.encode(result).decode()
    return _cut(text, LONGEST)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
