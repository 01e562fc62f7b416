"""Anthropic's Messages API, version 2026-10-21: what it sends, and what it rejects."""

from __future__ import annotations

import json
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


def event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data}, ensure_ascii=False)}\n\n".encode()


def supported(**kinds: bool) -> dict[str, Any]:
    return {name: {"supported": yes} for name, yes in kinds.items()}


class AnthropicServer(Server):
    def __init__(self, fault: Fault | None = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.key = ""
        self.words = WORDS
        self.thought = ""
        """Comes as a thinking block before the text."""
        self.tools: list[tuple[str, str, str]] = []
        """Tool calls: id, name, arguments as JSON text."""
        self.ending: dict[str, Any] = {"stop_reason": "end_turn", "stop_sequence": None, "stop_details": None}
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
        rejected = {"temperature", "top_p", "top_k"} & set(body)
        roles = [message["role"] for message in body["messages"]]
        if rejected or roles[:1] != ["user"] or roles[-1] != "user":
            return Reply.of(self.error(400), 400)
        return Reply(self._text())

    def _start(self) -> bytes:
        usage = {"input_tokens": 25, "cache_read_input_tokens": 0, "output_tokens": 1}
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "claude-haiku-5-5",
            "stop_reason": None, "stop_sequence": None, "usage": usage,
        }  # fmt: skip
        return event("message_start", message=message)

    def _text(self) -> list[bytes]:
        pieces = [self._start()]
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
        if self.words:
            pieces.append(event("content_block_start", index=index, content_block={"type": "text", "text": ""}))
            pieces.append(event("ping"))
            deltas = [{"type": "text_delta", "text": word} for word in self.words]
            pieces += [event("content_block_delta", index=index, delta=delta) for delta in deltas]
            pieces.append(event("content_block_stop", index=index))
        for id, name, arguments in self.tools:
            index += 1
            block = {"type": "tool_use", "id": id, "name": name, "input": {}}
            pieces.append(event("content_block_start", index=index, content_block=block))
            for half in (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]):
                delta = {"type": "input_json_delta", "partial_json": half}
                pieces.append(event("content_block_delta", index=index, delta=delta))
            pieces.append(event("content_block_stop", index=index))
        pieces.append(event("something_new", hello="there"))
        pieces.append(event("message_delta", delta=self.ending, usage={"output_tokens": 42}))
        pieces.append(event("message_stop"))
        return pieces
