"""Anthropic's Messages API, version 2026-10-21: what it sends, and what it rejects."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

from tests.servers.openai import WORDS
from tests.servers.wire import Fault, Reply, Request, Server

_STATUS = {
    400: ("invalid_request_error", "temperature: this parameter is not supported."),
    401: ("authentication_error", "invalid x-api-key: {key}"),
    402: ("billing_error", "Your credit balance is too low."),
    403: ("permission_error", "Your API key {key} does not have permission to use the specified resource."),
    404: ("not_found_error", "model: no such model"),
    429: ("rate_limit_error", "This request would exceed your rate limit."),
    500: ("api_error", "Internal server error"),
    529: ("overloaded_error", "Overloaded"),
}


_ENDED = {"stop_reason": "end_turn", "stop_sequence": None, "stop_details": None}


def event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data}, ensure_ascii=False)}\n\n".encode()


def supported(**kinds: bool) -> dict[str, Any]:
    return {name: {"supported": yes} for name, yes in kinds.items()}


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _results(message: dict[str, Any]) -> list[str]:
    """The ids of the calls whose results a message holds."""
    return [block["tool_use_id"] for block in _blocks(message) if block["type"] == "tool_result"]


def _wrong(body: dict[str, Any]) -> str:
    """Why the API would call a request invalid; "" where it would not."""
    messages = body["messages"]
    roles = [message["role"] for message in messages]
    if {"temperature", "top_p", "top_k"} & set(body):
        return "temperature: this parameter is not supported."
    if roles[:1] != ["user"] or roles[-1] != "user" or any(a == b for a, b in pairwise(roles)):
        return "messages: roles must alternate, from user to user"
    calls: list[str] = []
    for tool in body.get("tools", ()):
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", tool["name"]) or tool["input_schema"].get("type") != "object":
            return "tools: a name or a schema is not valid"
    for before, message in pairwise([{"role": "user", "content": "-"}, *messages]):
        blocks = _blocks(message)
        called = [block["id"] for block in _blocks(before) if block["type"] == "tool_use"]
        if _results(message) != called or [b["type"] for b in blocks[: len(called)]] != ["tool_result"] * len(called):
            return "messages: every tool_use needs its tool_result at the beginning of the next message"
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks) or not blocks:
            return "messages: text content blocks must be non-empty"
        uses = [block for block in blocks if block["type"] == "tool_use"]
        if uses and not body.get("tools"):
            return "messages: requests which include tool_use blocks must define tools"
        if not all(re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"]) for block in uses):
            return "messages: tool_use.id: does not match ^[a-zA-Z0-9_-]+$"
        if any(block.get("signature", "c2ln") != "c2ln" for block in blocks):
            return "messages: invalid signature in thinking block"
        calls += [block["id"] for block in uses]
    return "messages: tool_use ids must be unique" if len(set(calls)) < len(calls) else ""


class PromptCache:
    """What the API remembers of prompts: each prefix that ends at a breakpoint, with whatever came before it.

    A token is four characters of JSON here, and no prefix is too short.
    """

    def __init__(self) -> None:
        self._kept: set[str] = set()

    def usage(self, body: dict[str, Any]) -> dict[str, int]:
        blocks = [*body.get("tools", ()), *body.get("system", ())]
        head = len(blocks)
        blocks += [{"role": m["role"], **block} for m in body["messages"] for block in _blocks(m)]
        points = [at for at, block in enumerate(blocks) if "cache_control" in block]
        points += [len(blocks) - 1] if "cache_control" in body else []
        assert len(points) <= 4, "the API takes four breakpoints"
        pace = json.dumps([body.get("thinking"), body.get("tool_choice")])
        plain = [json.dumps({k: v for k, v in block.items() if k != "cache_control"}) for block in blocks]
        # What the model is to do changes how messages are read, not the tools and the system text before them.
        prefixes = [(pace if at >= head else "") + "".join(plain[: at + 1]) for at in range(len(plain))]
        found = [at for point in points for at in range(point, max(-1, point - 20), -1) if prefixes[at] in self._kept]
        read, written = max(found, default=-1), max(points, default=-1)
        self._kept |= {prefixes[point] for point in points}
        tokens = [len(text) // 4 for text in plain]
        return {
            "input_tokens": sum(tokens[max(read, written) + 1 :]),
            "cache_read_input_tokens": sum(tokens[: read + 1]),
            "cache_creation_input_tokens": sum(tokens[read + 1 : written + 1]),
            "output_tokens": 1,
        }


class AnthropicServer(Server):
    def __init__(self, fault: Fault | None = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.key = ""
        self.words = WORDS
        self.thought = ""
        """Comes as a thinking block before the text."""
        self.tools: list[tuple[str, str, str]] = []
        """Tool calls: id, name, arguments as JSON text. Of tools it was told of; until their results have come."""
        self.then: list[str] | None = None
        """Said to a tool's result; None: ``words``."""
        self.redacted = ""
        """Comes as a block of redacted thinking behind the text."""
        self.cache = PromptCache()
        self.ending: dict[str, Any] = _ENDED
        self.thinking = supported(adaptive=True, between_tools=True, disabled=True, enabled=False)
        self.model_status = 200

    def error(self, status: int) -> Any:
        kind, message = _STATUS[status]
        error = {"type": kind, "message": message.format(key=self.key)}
        return {"type": "error", "error": error, "request_id": "req_1"}

    def error_in_200(self, request: Request) -> list[bytes]:
        return [self._start(), f"event: error\ndata: {json.dumps(self.error(529))}\n\n".encode()]

    def reply(self, request: Request) -> Reply:
        authorised = "x-api-key" in request.headers or request.headers.get("authorization", "").startswith("Bearer ")
        if not authorised:
            return Reply.of(self.error(401), 401)
        if request.path == "/v1/messages" and request.method == "POST":
            return self._messages(request)
        if request.path.startswith("/v1/models/") and self.model_status == 200:
            capabilities = {"thinking": {"supported": True, "types": self.thinking}, "effort": {"supported": True}}
            name = request.path.rsplit("/", 1)[1]
            return Reply.of({"type": "model", "id": name, "display_name": name, "capabilities": capabilities})
        return Reply.of(self.error(404), 404)

    def _messages(self, request: Request) -> Reply:
        body = request.json
        if wrong := _wrong(body):
            refusal = self.error(400)
            refusal["error"]["message"] = wrong
            return Reply.of(refusal, 400)
        asked = {tool["name"] for tool in body.get("tools", ())} if "tool_choice" not in body else set()
        answered = _results(body["messages"][-1])
        calls = [] if answered else [tool for tool in self.tools if tool[1] in asked]
        words = self.then if answered and self.then is not None else self.words
        return Reply(self._text(words, calls, self._start(self.cache.usage(body))))

    def _start(self, usage: dict[str, int] | None = None) -> bytes:
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "claude-haiku-5-5",
            "stop_reason": None, "stop_sequence": None,
            "usage": usage or {"input_tokens": 25, "cache_read_input_tokens": 0, "output_tokens": 1},
        }  # fmt: skip
        return event("message_start", message=message)

    def _text(self, words: list[str], tools: list[tuple[str, str, str]], start: bytes) -> list[bytes]:
        pieces = [start]
        index = 0
        if self.thought:
            block: dict[str, Any] = {"type": "thinking", "thinking": "", "signature": ""}
            pieces.append(event("content_block_start", index=0, content_block=block))
            delta: dict[str, Any] = {"type": "thinking_delta", "thinking": self.thought}
            pieces.append(event("content_block_delta", index=0, delta=delta))
            delta = {"type": "signature_delta", "signature": "c2ln"}
            pieces.append(event("content_block_delta", index=0, delta=delta))
            pieces.append(event("content_block_stop", index=0))
            index = 1
        if words:
            pieces.append(event("content_block_start", index=index, content_block={"type": "text", "text": ""}))
            pieces.append(event("ping"))
            deltas = [{"type": "text_delta", "text": word} for word in words]
            pieces += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
            pieces.append(event("content_block_stop", index=index))
        if self.redacted:
            index += 1
            block = {"type": "redacted_thinking", "data": self.redacted}
            pieces.append(event("content_block_start", index=index, content_block=block))
            pieces.append(event("content_block_stop", index=index))
        for id, name, arguments in tools:
            index += 1
            block = {"type": "tool_use", "id": id, "name": name, "input": {}}
            pieces.append(event("content_block_start", index=index, content_block=block))
            for half in (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]):
                delta = {"type": "input_json_delta", "partial_json": half}
                pieces.append(event("content_block_delta", index=index, delta=delta))
            pieces.append(event("content_block_stop", index=index))
        pieces.append(event("something_new", hello="there"))
        ending = self.ending | ({"stop_reason": "tool_use"} if tools and self.ending == _ENDED else {})
        pieces.append(event("message_delta", delta=ending, usage={"output_tokens": 42}))
        pieces.append(event("message_stop"))
        return pieces
