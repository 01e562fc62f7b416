"""OpenAI's own API: Responses, transcriptions, models. Events and bodies as documented on 2026-11-20."""

from __future__ import annotations

import json
from typing import Any

from tests.servers.wire import Fault, Reply, Request, Server

WORDS = ["It", " is", " four", " o'clock", " — café", " 🕓", "."]
TEXT = "".join(WORDS)
HEARD = "what time is it"

_STATUS = {
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: {key}."),
    402: ("insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    403: ("request_forbidden", "unsupported_country_region_territory", "Country or territory of {key} not supported."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached."),
    500: ("server_error", None, "The server had an error while processing your request."),
    529: ("server_error", None, "Overloaded."),
}


def event(kind: str, number: int, **data: Any) -> bytes:
    body = {"type": kind, "sequence_number": number, **data}
    return f"event: {kind}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def response(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "gpt-6-luna", "output": [],
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "error": None, "incomplete_details": None,
        **more,
    }  # fmt: skip


USAGE = {
    "input_tokens": 120, "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 32},
    "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 129,
}  # fmt: skip


def _wrong(body: dict[str, Any]) -> str:
    """Why the API would call a request invalid; "" where it would not."""
    items = body["input"] if isinstance(body["input"], list) else []
    calls = [item["call_id"] for item in items if item.get("type") == "function_call"]
    outputs = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    if missing := set(calls) - set(outputs):
        return f"No tool output found for function call {missing.pop()}."
    if set(outputs) - set(calls) or len(set(calls)) < len(calls):
        return "No tool call found for function call output, or one call_id for two."
    if any(item.get("type") == "reasoning" and not item.get("encrypted_content") for item in items):
        return "Items are not persisted when `store` is set to false."
    if items and items[-1].get("type") == "reasoning":
        return "Item of type 'reasoning' was provided without its required following item."
    if any(tool.get("type") != "function" or "strict" not in tool for tool in body.get("tools", ())):
        return "Invalid value: 'tools'."
    return ""


class OpenAIServer(Server):
    prefix = "/v1"

    def __init__(self, fault: Fault | None = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.key = ""
        """Quoted in the 401 body, as the vendor does."""
        self.tools: list[tuple[str, str, str]] = []
        """Function calls to answer with: call id, name, arguments as JSON text. Those it was told of, until
        their outputs have come."""
        self.then: list[str] | None = None
        """Said to a function's output; None: ``words``."""
        self.thought = ""
        """The encrypted content of a reasoning item, which comes before everything else."""
        self.usage = USAGE
        self.end: tuple[str, dict[str, Any]] = ("response.completed", response("completed"))
        self.words = WORDS

    def error(self, status: int) -> Any:
        kind, code, message = _STATUS[status]
        return {"error": {"message": message.format(key=self.key), "type": kind, "code": code, "param": None}}

    def error_in_200(self, request: Request) -> list[bytes]:
        failed = response("failed", error={"code": "server_error", "message": "Something broke."})
        if request.path.endswith("/responses"):
            return [
                event("response.created", 0, response=response("in_progress")),
                event("response.failed", 1, response=failed),
            ]
        return [json.dumps(self.error(500)).encode()]

    def reply(self, request: Request) -> Reply:
        match request.method, request.path:
            case "POST", "/v1/responses":
                return self._responses(request)
            case "POST", "/v1/audio/transcriptions":
                return Reply.of(
                    {"text": HEARD, "languages": [{"code": "en"}], "usage": {"type": "duration", "seconds": 1}}
                )
            case "GET" | "HEAD", "/v1/models":
                return Reply.of({"object": "list", "data": [{"id": "gpt-6-luna", "object": "model"}]})
        return Reply.of(self.error(404), 404)

    def _responses(self, request: Request) -> Reply:
        body = request.json
        if wrong := _wrong(body):
            error = {"message": wrong, "type": "invalid_request_error", "code": None, "param": "input"}
            return Reply.of({"error": error}, 400)
        given = body["input"]
        answered = isinstance(given, list) and given[-1].get("type") == "function_call_output"
        known = {tool["name"] for tool in body.get("tools", ())}
        tools = [] if answered else [tool for tool in self.tools if tool[1] in known]
        return Reply(self._text(self.then if answered and self.then is not None else self.words, tools))

    def _text(self, words: list[str], tools: list[tuple[str, str, str]]) -> list[bytes]:
        item = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "status": "in_progress"}
        where: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        pieces = [
            event("response.created", 0, response=response("in_progress")),
            event("response.in_progress", 1, response=response("in_progress")),
        ]
        if self.thought:
            thought = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": self.thought}
            begun = {**thought, "encrypted_content": self.thought[:1]}
            pieces.append(event("response.output_item.added", 2, output_index=0, item=begun))
            pieces.append(event("response.output_item.done", 2, output_index=0, item=thought))
        if words:
            pieces.append(event("response.output_item.added", 2, output_index=0, item=item))
            part = {"type": "output_text", "text": "", "annotations": []}
            pieces.append(event("response.content_part.added", 3, part=part, **where))
            for number, word in enumerate(words, 4):
                pieces.append(event("response.output_text.delta", number, delta=word, logprobs=[], **where))
            text = "".join(words)
            pieces.append(event("response.output_text.done", 90, text=text, logprobs=[], **where))
            part = {**part, "text": text}
            pieces.append(event("response.content_part.done", 91, part=part, **where))
            done = {**item, "status": "completed", "content": [part]}
            pieces.append(event("response.output_item.done", 92, output_index=0, item=done))
        for index, (call_id, name, arguments) in enumerate(tools, 1):
            call = {"id": f"fc_{index}", "type": "function_call", "call_id": call_id, "name": name, "arguments": ""}
            here: dict[str, Any] = {"item_id": call["id"], "output_index": index}
            pieces.append(event("response.output_item.added", 93, output_index=index, item=call))
            halves = (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :])
            pieces += [event("response.function_call_arguments.delta", 94, delta=half, **here) for half in halves]
            pieces.append(event("response.function_call_arguments.done", 95, arguments=arguments, name=name, **here))
            done = {**call, "arguments": arguments, "status": "completed"}
            pieces.append(event("response.output_item.done", 96, output_index=index, item=done))
        kind, whole = self.end
        pieces.append(event(kind, 99, response=whole | {"usage": self.usage}))
        return pieces
