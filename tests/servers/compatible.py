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

Quirk = Literal[
    "no_role", "null_content", "usage_chunk", "no_done", "no_finish", "reasoning", "reasoning_content", "think",
    "whole", "object_arguments", "no_tool_id", "no_tool_index", "wav", "odd_bytes", "plain_text",
]  # fmt: skip


class CompatibleServer(Server):
    prefix = "/v1"

    def __init__(self, fault: Fault | None = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.quirks: set[Quirk] = set()
        self.key = ""
        self.words = WORDS
        self.tool: tuple[str, str, dict[str, Any]] | None = None
        self.models = ["nomic-embed-text", "qwen3:8b", "whisper-1"]

    def error(self, status: int) -> Any:
        return {"error": {"message": f"error {status} for {self.key}", "type": "server_error", "code": status}}

    def error_in_200(self, request: Request) -> list[bytes]:
        if request.path.endswith("/chat/completions"):
            return [self._chunk({"role": "assistant"}), b"data: %s\n\n" % json.dumps(self.error(500)).encode()]
        return [json.dumps(self.error(500)).encode()]

    def reply(self, request: Request) -> Reply:
        match request.method, request.path:
            case "POST", "/v1/chat/completions":
                if "whole" in self.quirks:
                    message = {"role": "assistant", "content": "".join(self.words)}
                    return Reply.of({"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
                return Reply(self._chat())
            case "POST", "/v1/audio/transcriptions":
                if "plain_text" in self.quirks:
                    return Reply([HEARD.encode()], "text/plain")
                words = [{"word": word, "start": i / 4, "end": (i + 1) / 4} for i, word in enumerate(HEARD.split())]
                timed = {"language": "english", "words": words} if b"verbose_json" in request.body else {}
                return Reply.of({"text": f" {HEARD}\n", **timed})
            case "POST", "/v1/audio/speech":
                return self._speech(request)
            case "GET" | "HEAD", "/v1/models":
                return Reply.of({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})
        return Reply.of(self.error(404), 404)

    def _speech(self, request: Request) -> Reply:
        data = SOUND.tobytes()
        if "wav" in self.quirks:
            from providers._wav import wav

            data = wav(SOUND.astype(np.float32) / 32768, RATE)
        size = 1001 if "odd_bytes" in self.quirks else 4800
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        return Reply(pieces, "application/json" if self.fault == "error_in_200" else "audio/pcm")

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()

    def _chat(self) -> list[bytes]:
        quirks = self.quirks
        pieces = [] if "no_role" in quirks else [self._chunk({"role": "assistant", "content": ""})]
        if "null_content" in quirks:
            pieces.append(self._chunk({"content": None}))
        for name in ("reasoning", "reasoning_content"):
            if name in quirks:
                pieces += [self._chunk({"content": None, name: "The user wants the time."})] * 2
        if "think" in quirks:
            pieces += [self._chunk({"content": part}) for part in ("<thi", "nk>\nHm, the ti", "me.\n</th", "ink>\n\n")]
        pieces += [self._chunk({"content": word}) for word in self.words]
        if self.tool is not None:
            pieces += self._tool_chunks(*self.tool)
        if "no_finish" not in quirks:
            pieces.append(self._chunk({}, "tool_calls" if self.tool else "stop"))
        if "usage_chunk" in quirks:
            pieces.append(b'data: {"id": "c", "choices": [], "usage": {"prompt_tokens": 3, "total_tokens": 9}}\n\n')
        if "no_done" not in quirks:
            pieces.append(b"data: [DONE]\n\n")
        return pieces

    def _tool_chunks(self, id: str, name: str, arguments: dict[str, Any]) -> list[bytes]:
        text = json.dumps(arguments)
        call: dict[str, Any] = {"index": 0, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}
        if "no_tool_id" in self.quirks:
            del call["id"]
        if "no_tool_index" in self.quirks:
            del call["index"]
        if "object_arguments" in self.quirks:
            call["function"]["arguments"] = arguments
            return [self._chunk({"tool_calls": [call]})]
        if "no_tool_index" in self.quirks:  # such servers send the call whole
            call["function"]["arguments"] = text
            return [self._chunk({"tool_calls": [call]})]
        halves = (text[: len(text) // 2], text[len(text) // 2 :])
        more = [{"index": 0, "function": {"arguments": half}} for half in halves]
        return [self._chunk({"tool_calls": [part]}) for part in (call, *more)]
