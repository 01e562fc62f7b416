"""Servers by name that speak OpenAI's older protocol, each in its own way.

Where each way is known from: Ollama's and speaches' sources (2026), llama.cpp's README and source, vLLM's source,
Kokoro-FastAPI's table of names, Groq's SDK 1.7 and documentation. LM Studio's is from memory; so is Nameless, which is
many old servers in one.
"""

from __future__ import annotations

import json
from typing import Any

from tests.servers.compatible import CompatibleServer
from tests.servers.openai import HEARD
from tests.servers.wire import Reply, Request


class Ollama(CompatibleServer):
    """The role in every chunk, thoughts as ``reasoning``, a tool call whole, errors with a type and no code."""

    def __init__(self, fault: Any = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.quirks = {"role_always", "reasoning", "whole_call"}
        self.models = ["nomic-embed-text:latest", "gpt-oss:120b-cloud", "qwen3:8b", "whisper:base"]

    def error(self, status: int) -> Any:
        kind = {400: "invalid_request_error", 404: "not_found_error"}.get(status, "api_error")
        return {"error": {"message": self.message(status), "type": kind, "param": None, "code": None}}

    def message(self, status: int) -> str:
        return 'model "qwen3:8b" not found, try pulling it first' if status == 404 else super().message(status)


class LlamaCpp(CompatibleServer):
    """``content: null`` in the first chunk, thoughts as ``reasoning_content``, comments while it computes."""

    def __init__(self, fault: Any = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.quirks = {"no_role", "null_content", "reasoning_content", "pings"}
        self.models = ["ggml-org/gemma-3-4b-it-GGUF"]

    def error(self, status: int) -> Any:
        return {"error": {"code": status, "message": self.message(status), "type": "server_error"}}


class LMStudio(CompatibleServer):
    """Thoughts inline, an embedding model first in its list, counts in every chunk."""

    def __init__(self, fault: Any = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.quirks = {"think", "usage_always"}
        self.models = ["text-embedding-nomic-embed-text-v1.5", "google/gemma-3-4b"]


class Vllm(CompatibleServer):
    """Errors of an older form, also in the middle of a stream; refuses tools unless it was started for them."""

    def __init__(self, fault: Any = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.quirks = {"reasoning_content"}
        self.models = ["Qwen/Qwen3-8B"]
        self.takes_tools = True

    def error(self, status: int) -> Any:
        message = self.message(status)
        return {"object": "error", "message": message, "type": "Error", "param": None, "code": status}

    def _wrong(self, body: dict[str, Any]) -> str:
        if not self.takes_tools and "tools" in body:
            return '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
        return super()._wrong(body)


class Speaches(CompatibleServer):
    """Tells what its models are for, which voices they have and at which rate; errors as FastAPI writes them."""

    def __init__(self, fault: Any = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.voice: dict[str, Any] = {"id": "speaches-ai/Kokoro-82M-v1.0-ONNX", "sample_rate": 24_000}
        self.names = ["af_alloy", "af_heart"]

    def rows(self) -> list[Any]:
        common = {"object": "model", "created": 0, "owned_by": "speaches-ai"}
        voices = [{"name": name, "language": "en-us", "id": name} for name in self.names]
        return [
            {**common, **self.voice, "task": "text-to-speech", "voices": voices},
            {**common, "id": "Systran/faster-whisper-small", "task": "automatic-speech-recognition", "language": []},
        ]

    def error(self, status: int) -> Any:
        return {"detail": self.message(status)}

    def reply(self, request: Request) -> Reply:
        if request.path.endswith("/audio/speech") and request.json["voice"] not in self.names:
            loc = ["body", "voice"]
            return Reply.of({"detail": [{"type": "value_error", "loc": loc, "msg": "no such voice"}]}, 422)
        return super().reply(request)


class Kokoro(CompatibleServer):
    """Kokoro-FastAPI: speech alone, under OpenAI's names as well as its own."""

    def __init__(self, fault: Any = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.models = ["tts-1", "tts-1-hd", "kokoro"]

    def error(self, status: int) -> Any:
        return {"detail": {"error": "error", "message": self.message(status), "type": "invalid_request_error"}}


class Nameless(CompatibleServer):
    """Everything that can be wrong is: the first servers of this kind, and what is left of them."""

    def __init__(self, fault: Any = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.quirks = {
            "no_role", "null_content", "no_done", "no_finish", "no_tool_id", "object_arguments", "rejects_usage",
            "reasoning", "think", "no_list", "plain_text",
        }  # fmt: skip


class Groq(CompatibleServer):
    """Hidden thoughts, its own field beside the protocol's, words' times; strict about what a model does not have."""

    prefix = "/openai/v1"

    def __init__(self, fault: Any = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.models = ["openai/gpt-oss-120b", "whisper-large-v3-turbo"]
        self.broken_off = ""
        """Told in the last chunk: why it stopped early."""

    def error(self, status: int) -> Any:
        code = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
        kind = "invalid_request_error" if status < 429 else "internal_server_error"
        return {"error": {"message": self.message(status), "type": kind} | ({"code": code} if code else {})}

    def reply(self, request: Request) -> Reply:
        if request.method == "POST" and not request.headers.get("authorization", "").startswith("Bearer gsk_"):
            return Reply.of(self.error(401), 401)
        return super().reply(request)

    def _wrong(self, body: dict[str, Any]) -> str:
        model, effort = body["model"], body.get("reasoning_effort")
        if {"include_reasoning", "reasoning_format"} <= set(body):
            return "cannot specify both `include_reasoning` and `reasoning_format`"
        allowed = ("low", "medium", "high") if "gpt-oss" in model else ("none", "default") if "qwen" in model else ()
        if effort is not None and effort not in allowed:
            return f"`reasoning_effort` must be one of {allowed}"
        if "reasoning_format" in body and "qwen" not in model:
            return "`reasoning_format` is not supported with this model"
        return super()._wrong(body)

    def _completions(self, body: dict[str, Any]) -> Reply:
        hidden = body.get("include_reasoning") is False or body.get("reasoning_format") == "hidden"
        self.quirks = self.quirks - {"reasoning"} | (set() if hidden or "llama" in body["model"] else {"reasoning"})
        return super()._completions(body)

    def _chat(self, words: list[str], tool: Any, usage: bool) -> list[bytes]:
        first, *pieces = super()._chat(words, tool, usage)
        body = json.loads(first.removeprefix(b"data: "))
        body["x_groq"] = {"id": "req_1"}
        if self.broken_off:
            return [
                b"data: %s\n\n" % json.dumps(body).encode(),
                b"data: %s\n\n" % json.dumps({**body, "x_groq": {"id": "req_1", "error": self.broken_off}}).encode(),
            ]
        return [b"data: %s\n\n" % json.dumps(body).encode(), *pieces]

    def _transcription(self, request: Request) -> Reply:
        words = [{"word": word, "start": i / 4, "end": (i + 1) / 4} for i, word in enumerate(HEARD.split())]
        verbose = {"task": "transcribe", "language": "English", "duration": 1.0, "words": words, "segments": []}
        body: dict[str, Any] = {"text": f" {HEARD}", "x_groq": {"id": "req_1"}}
        return Reply.of(body | (verbose if b"verbose_json" in request.body else {}))
