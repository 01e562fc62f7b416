"""The protocol that llama.cpp, Ollama, vLLM, speaches and the like speak, with their quirks on request."""

from __future__ import annotations

import json
from typing import Any, Literal

import numpy as np

from tests.servers.openai import HEARD, WORDS
from tests.servers.wire import Fault, Reply, Request, Server

RATE = 24_000
SOUND = (np.sin(np.arange(RATE // 2) * 2 * np.pi * 220 / RATE) * 12_000).astype("<i2")
"""Half a second of 220 Hz."""

USAGE = {
    "prompt_tokens": 100, "completion_tokens": 9, "total_tokens": 109, "prompt_tokens_details": {"cached_tokens": 64},
}  # fmt: skip

Quirk = Literal[
    "no_role", "null_content", "usage_chunk", "no_done", "no_finish", "reasoning", "reasoning_content", "think",
    "whole", "object_arguments", "no_tool_id", "no_tool_index", "wav", "odd_bytes", "plain_text",
    "no_usage", "rejects_usage", "usage_always", "rejects_tools", "signature", "role_always", "whole_call", "pings",
    "loading", "no_list",
]  # fmt: skip


class CompatibleServer(Server):
    prefix = "/v1"

    def __init__(self, fault: Fault | None = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.quirks: set[Quirk] = set()
        self.key = ""
        self.words = WORDS
        self.tool: tuple[str, str, dict[str, Any]] | None = None
        """A function that it calls, if it was told of it, until its result has come: id, name, arguments."""
        self.then: list[str] | None = None
        """Said to a function's result; None: ``words``."""
        self.voices: Any = None
        """What it lists as its voices; None: it does not know the question."""
        self.models = ["nomic-embed-text", "qwen3:8b", "whisper-1"]
        self.segments: list[dict[str, Any]] = []
        """What it tells of the parts of a transcript, in verbose answers."""

    def error(self, status: int) -> Any:
        return {"error": {"message": self.message(status), "type": "server_error", "code": status}}

    def error_in_200(self, request: Request) -> list[bytes]:
        if request.path.endswith("/chat/completions"):
            return [self._chunk({"role": "assistant"}), b"data: %s\n\n" % json.dumps(self.error(500)).encode()]
        return [json.dumps(self.error(500)).encode()]

    def reply(self, request: Request) -> Reply:
        path = request.path.removeprefix(self.prefix)
        if "loading" in self.quirks and request.method != "HEAD":
            return Reply.of(self.loading, 503)
        match request.method, path:
            case "POST", "/chat/completions":
                return self._completions(request.json)
            case "POST", "/audio/transcriptions":
                return self._transcription(request)
            case "GET", "/audio/voices" if self.voices is not None:
                return Reply.of(self.voices)
            case "POST", "/audio/speech":
                return self._speech(request)
            case "GET" | "HEAD", "/models" if "no_list" not in self.quirks:
                return Reply.of({"object": "list", "data": self.rows()})
        return Reply.of(self.error(404), 404)

    loading: Any = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
    """llama.cpp's answer while it is not ready."""

    def rows(self) -> list[Any]:
        """The list of models."""
        return [{"id": name, "object": "model", "created": 1, "owned_by": "someone"} for name in self.models]

    def _transcription(self, request: Request) -> Reply:
        if "plain_text" in self.quirks:
            return Reply([HEARD.encode()], "text/plain")
        words = [{"word": word, "start": i / 4, "end": (i + 1) / 4} for i, word in enumerate(HEARD.split())]
        timed: dict[str, Any] = {"language": "english", "words": words} if b"verbose_json" in request.body else {}
        timed |= {"segments": self.segments} if timed and self.segments else {}
        return Reply.of({"text": f" {HEARD}\n", **timed})

    def _speech(self, request: Request) -> Reply:
        data = SOUND.tobytes()
        if "wav" in self.quirks:
            from providers._wav import wav

            data = wav(SOUND.astype(np.float32) / 32768, RATE)
        size = 1001 if "odd_bytes" in self.quirks else 4800
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        return Reply(pieces, "application/json" if self.fault == "error_in_200" else "audio/pcm")

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        if "role_always" in self.quirks:
            delta = {"role": "assistant", "content": "", **delta}
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        if "usage_always" in self.quirks:  # so far
            body["usage"] = {"prompt_tokens": 100, "completion_tokens": 1, "total_tokens": 101}
        return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()

    def _completions(self, body: dict[str, Any]) -> Reply:
        if wrong := self._wrong(body):
            return Reply.of({"error": {"message": wrong, "type": "invalid_request_error"}}, 400)
        answered = body["messages"][-1]["role"] == "tool"
        known = {tool["function"]["name"] for tool in body.get("tools", ())}
        tool = self.tool if self.tool is not None and self.tool[1] in known and not answered else None
        words = self.then if answered and self.then is not None else self.words
        if "whole" in self.quirks:
            message: dict[str, Any] = {"role": "assistant", "content": "".join(words)}
            if tool is not None:
                function = {"name": tool[1], "arguments": tool[2] if "object_arguments" in self.quirks else "{}"}
                message["tool_calls"] = [{"id": tool[0], "type": "function", "function": function}]
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if tool else "stop"}
            return Reply.of({"id": "c", "choices": [choice], "usage": USAGE})
        return Reply(self._chat(words, tool, bool(body.get("stream_options", {}).get("include_usage"))))

    def _wrong(self, body: dict[str, Any]) -> str:
        """Why it calls a request invalid; "" where it does not."""
        if "rejects_usage" in self.quirks and "stream_options" in body:
            return "Extra inputs are not permitted: stream_options"
        if "rejects_tools" in self.quirks and ("tools" in body or any(m["role"] == "tool" for m in body["messages"])):
            return "registry.ollama.ai/library/gemma3:4b does not support tools"
        called: list[str] = []
        for message in body["messages"]:
            if message["role"] == "tool":
                if message["tool_call_id"] not in called:
                    return "a message of role 'tool' must follow the 'tool_calls' that it answers"
                called.remove(message["tool_call_id"])
            elif called:
                return f"no result for the call {called[0]}"
            called += [call["id"] for call in message.get("tool_calls", ())]
        return ""

    def _chat(self, words: list[str], tool: tuple[str, str, dict[str, Any]] | None, usage: bool) -> list[bytes]:
        quirks = self.quirks
        pieces = [] if "no_role" in quirks else [self._chunk({"role": "assistant", "content": ""})]
        if "null_content" in quirks:
            pieces.append(self._chunk({"content": None}))
        for name in ("reasoning", "reasoning_content"):
            if name in quirks:
                pieces += [self._chunk({"content": None, name: "The user wants the time."})] * 2
        if "think" in quirks:
            pieces += [self._chunk({"content": part}) for part in ("<thi", "nk>\nHm, the ti", "me.\n</th", "ink>\n\n")]
        pieces += [self._chunk({"content": word}) for word in words]
        if tool is not None:
            pieces += self._tool_chunks(*tool)
        if "no_finish" not in quirks:
            pieces.append(self._chunk({}, "tool_calls" if tool else "stop"))
        if usage and not quirks & {"no_usage", "usage_chunk"}:
            pieces.append(b"data: %s\n\n" % json.dumps({"id": "c", "choices": [], "usage": USAGE}).encode())
        if "usage_chunk" in quirks:
            pieces.append(b'data: {"id": "c", "choices": [], "usage": {"prompt_tokens": 3, "total_tokens": 9}}\n\n')
        if "no_done" not in quirks:
            pieces.append(b"data: [DONE]\n\n")
        return [part for piece in pieces for part in (b": ping\n\n", piece)] if "pings" in quirks else pieces

    def _tool_chunks(self, id: str, name: str, arguments: dict[str, Any]) -> list[bytes]:
        text = json.dumps(arguments)
        call: dict[str, Any] = {"index": 0, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}
        if "signature" in self.quirks:  # Google's server
            call["extra_content"] = {"google": {"thought_signature": "c2ln"}}
        if "no_tool_id" in self.quirks:
            del call["id"]
        if "no_tool_index" in self.quirks:
            del call["index"]
        if "object_arguments" in self.quirks:
            call["function"]["arguments"] = arguments
            return [self._chunk({"tool_calls": [call]})]
        if self.quirks & {"no_tool_index", "whole_call"}:
            call["function"]["arguments"] = text
            return [self._chunk({"tool_calls": [call]})]
        halves = (text[: len(text) // 2], text[len(text) // 2 :])
        more = [{"index": 0, "function": {"arguments": half}} for half in halves]
        return [self._chunk({"tool_calls": [part]}) for part in (call, *more)]
