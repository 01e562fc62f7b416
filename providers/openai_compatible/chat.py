"""Chat completions of OpenAI's older protocol: what is asked, and again without what the server does not want."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from assistant.ports import ChatAbilities, Delta, Message, Tool, ToolCall, Usage
from providers import _http, _model_list, _openai_client, _remote
from providers._messages import Turn, own, turns, without_tools
from providers.openai_compatible.answer import KEPT_FOR, Answer

log = logging.getLogger("parley")


class ChatOptions(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    max_tokens: int = 400
    effort: str = ""
    """Sent as ``reasoning_effort`` ("none" stops Ollama's models from thinking). Empty: not sent; some reject it."""
    extra: dict[str, Any] = {}
    """More fields for the request's body, such as ``{reasoning_format = "hidden"}`` for Groq."""


class Chat:
    """`ChatModel` over ``POST /chat/completions``, streamed."""

    abilities = ChatAbilities(tools=True, usage=True)

    def __init__(self, vendor: _http.Vendor, options: ChatOptions, name: str) -> None:
        self.name = name
        self._vendor = vendor
        self._options = options
        self._model = options.model
        self._unwanted: set[str] = set()
        """Fields of a request that this server does not want."""
        self._tells_usage = False

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> AsyncIterator[Delta]:
        call = _http.Call(self.name, self._vendor)
        self._model = self._model or await self._first_model(call)
        answer = Answer(call)
        async with _http.Events(call, lambda: self._ask(messages, tools)) as events:
            if "json" in events.response.headers.get("content-type", ""):
                for delta in answer.whole(await events.body()):
                    yield delta
                return
            async for chunk in events:
                for delta in answer.chunk(chunk):
                    yield delta
            # A body with an announced end was ended by the server itself, whatever it forgot to say before.
            framed = {"transfer-encoding", "content-length"} & set(events.response.headers)
        for delta in answer.end(complete=bool(framed)):
            self._tells_usage = self._tells_usage or isinstance(delta, Usage)
            yield delta

    async def _ask(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Any:
        """Ask; and again without what this server turns out not to want, be it the counting or the tools."""
        unwanted = set(self._unwanted)
        while True:
            request = self._request(messages, tools, unwanted)
            try:
                answer = await self._vendor.client.chat.completions.create(**request)
                break
            except self._vendor.faults as error:
                objections = self._objected_to(error) & set(request)
                if not objections:
                    raise
                unwanted |= objections
        if "tools" in unwanted - self._unwanted:
            log.warning("%s takes no tools here, so %s answers without them", self.name, self._model)
        self._unwanted = unwanted
        return answer

    def _objected_to(self, error: Exception) -> set[str]:
        """Which fields it may be, of those that one can do without, that the server found wrong."""
        status = getattr(error, "status_code", None)
        if status in (400, 404, 422, 500, 501) and "tool" in str(error).lower():
            return {"tools"}
        return {"stream_options"} if status in (400, 422) and not self._tells_usage else set()

    def _request(self, messages: Sequence[Message], tools: Sequence[Tool], unwanted: set[str]) -> dict[str, Any]:
        system, rest = turns(without_tools(messages) if "tools" in unwanted else messages)
        request: dict[str, Any] = {
            "model": self._model,
            "messages": ([{"role": "system", "content": system}] if system else []) + _said(rest),
            "max_tokens": self._options.max_tokens,
            "stream": True,
        }
        if "stream_options" not in unwanted:
            request["stream_options"] = {"include_usage": True}
        if tools and "tools" not in unwanted:
            request["tools"] = [{"type": "function", "function": _described(tool)} for tool in tools]
        if self._options.effort:
            request["reasoning_effort"] = self._options.effort
        if self._options.extra:
            request["extra_body"] = self._options.extra
        return request

    async def _first_model(self, call: _http.Call) -> str:
        """None was chosen: the first the server lists that looks like a chat model. Asked for once."""
        names = [model.id for model in await call.step(lambda: _model_list.listed(self._vendor))]
        if not names:
            raise call.error("lists no model: load one there, or set model")
        return _model_list.chatting(names) or names[0]


def _described(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}


def _said(rest: Sequence[Turn]) -> list[dict[str, Any]]:
    """The turns as messages: a result is one of its own, of the role "tool"."""
    found: list[dict[str, Any]] = []
    for turn in rest:
        found += [{"role": "tool", "tool_call_id": result.id, "content": result.content} for result in turn.results]
        if turn.calls:
            calls = [_called(call) for call in turn.calls]
            found.append({"role": "assistant", "content": turn.text, "tool_calls": calls})
        elif turn.text:
            found.append({"role": turn.role, "content": turn.text})
    return found


def _called(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(dict(call.arguments), ensure_ascii=False)}
    return {"id": call.id, "type": "function", "function": function} | (own(call, KEPT_FOR) or {})


def _chunks(*deltas: dict[str, Any]) -> bytes:
    def data(choice: dict[str, Any]) -> bytes:
        body = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
        return b"data: %s\n\n" % json.dumps(body).encode()

    return b"".join(data({"index": 0, "delta": delta, "finish_reason": None}) for delta in deltas) + b"data: [DONE]\n\n"


@asynccontextmanager
async def opened(options: ChatOptions, name: str, base_url: str, api_key: str) -> AsyncIterator[Chat]:
    """A chat model over ``base_url``. Raises ProviderUnavailable (no package)."""
    async with _openai_client.opened(
        options,
        provider=name,
        base_url=base_url,
        api_key=api_key,
        rehearsal=(_chunks({"role": "assistant", "content": "Hi."}), "text/event-stream"),
        use=lambda vendor: Chat(vendor, msgspec.structs.replace(options, model="m"), name).reply(_http.GREETING),
    ) as made:
        yield Chat(made, options, name)
