"""Google's Gemini API, v1beta: streamGenerateContent as server-sent events, and the list of models.

As documented on 2026-11-20: what it sends (CRLF, a function call whole in one part, its signature beside it, counts in
every event), and what it rejects (a missing signature, a level of thought that the model does not have).
"""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.servers.openai import WORDS
from tests.servers.wire import RETRY_AFTER, Fault, Reply, Request, Server

SIGNATURE = b"what it thought of the weather"
SKIP = b"skip_thought_signature_validator"
"""Takes the place of a signature that another model's call has not got."""

_GOOGLE = "type.googleapis.com/google.rpc."
_STATUS: dict[int, tuple[int, str, str]] = {
    400: (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    402: (429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. Please go to AI Studio to manage billing."),
    403: (403, "PERMISSION_DENIED", "Your API key {key} was reported as leaked. Please use another API key."),
    404: (404, "NOT_FOUND", "models/gemini-0 is not found for API version v1beta."),
    429: (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    500: (500, "INTERNAL", "An internal error has occurred."),
    529: (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
}
_DETAILS: dict[int, dict[str, Any]] = {
    401: {"@type": f"{_GOOGLE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"},
    429: {"@type": f"{_GOOGLE}RetryInfo", "retryDelay": f"{RETRY_AFTER:g}s"},
}
_MINIMAL = ("gemini-3.5-flash", "gemini-3.6-flash", "gemini-3.1-flash-lite")


class GeminiServer(Server):
    def __init__(self, fault: Fault | None = None, *, pause: float = 0.0) -> None:
        super().__init__(fault, pause=pause)
        self.words = WORDS
        self.thought = ""
        """Comes as a part of its own, before the text."""
        self.calls_made: list[tuple[str | None, str, dict[str, Any]]] = []
        """Function calls to answer with: id (not all models give one), name, arguments."""
        self.finish: str | None = "STOP"
        self.blocked = ""
        """Why the request is not answered at all."""
        self.cached = 0
        """Tokens read from a cache."""

    def status(self, status: int) -> int:
        return _STATUS[status][0]

    def error_headers(self, status: int) -> dict[str, str]:
        return {}  # it tells in the body how long to wait

    def error(self, status: int) -> Any:
        code, name, message = _STATUS[status]
        details = {"details": [_DETAILS[status]]} if status in _DETAILS else {}
        return {"error": {"code": code, "message": message.format(key=self.key), "status": name, **details}}

    def error_in_200(self, request: Request) -> list[bytes]:
        return [self._event([{"text": ""}]), _data(self.error(529))]

    def reply(self, request: Request) -> Reply:
        path, _, query = request.path.partition("?")
        if request.method == "HEAD":
            return Reply.of({})
        if request.headers.get("x-goog-api-key", "") == "":
            return Reply.of(self.error(403), 403)
        if (request.method, path) == ("GET", "/v1beta/models"):
            model = {
                "name": "models/gemini-3.5-flash-lite", "displayName": "Gemini 3.5 Flash-Lite", "version": "001",
                "inputTokenLimit": 1048576, "outputTokenLimit": 65536, "thinking": True,
                "supportedGenerationMethods": ["generateContent", "countTokens"],
            }  # fmt: skip
            return Reply.of({"models": [model]})
        model_name, _, method = path.removeprefix("/v1beta/models/").partition(":")
        known = path.startswith("/v1beta/models/")
        if not known or (request.method, method, query) != ("POST", "streamGenerateContent", "alt=sse"):
            return Reply.of(self.error(404), 404)
        if problem := _problem(model_name, asked(request.json)):
            body = self.error(400)
            body["error"]["message"] = problem
            return Reply.of(body, 400)
        return Reply(self._events())

    def _events(self) -> list[bytes]:
        if self.blocked:
            return [_data({"promptFeedback": {"blockReason": self.blocked}, "usageMetadata": {"promptTokenCount": 9}})]
        events = [self._event([{"text": self.thought, "thought": True}])] if self.thought else []
        events += [self._event([{"text": word}]) for word in self.words]
        for index, (id, name, arguments) in enumerate(self.calls_made):
            called = {"name": name, "args": arguments} | ({"id": id} if id else {})
            part: dict[str, Any] = {"functionCall": called}
            if index == 0:  # of calls side by side only the first one has it
                part["thoughtSignature"] = base64.b64encode(SIGNATURE).decode()
            events.append(self._event([part]))
        return [*events, self._event([{"text": ""}], self.finish)]

    def _event(self, parts: list[dict[str, Any]], finish: str | None = None) -> bytes:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        usage: dict[str, Any] = {"promptTokenCount": 25, "totalTokenCount": 67}
        if finish:
            candidate["finishReason"] = finish
            usage |= {"candidatesTokenCount": 30, "thoughtsTokenCount": 12}
            usage |= {"cachedContentTokenCount": self.cached} if self.cached else {}
        return _data(
            {
                "candidates": [candidate],
                "usageMetadata": usage,
                "modelVersion": "gemini-3.5-flash-lite",
                "responseId": "r-1",
            }
        )


def _data(body: dict[str, Any]) -> bytes:
    return b"data: %s\r\n\r\n" % json.dumps(body, ensure_ascii=False).encode()


def asked(body: Any) -> Any:
    """A request as Google's parser reads it, to which a name in snake_case is the same (the SDK sends both)."""
    if isinstance(body, list):
        return [asked(each) for each in body]
    if not isinstance(body, dict):
        return body
    found: dict[str, Any] = {}
    for name, value in body.items():
        first, *rest = name.split("_")
        name = first + "".join(word.capitalize() for word in rest)
        found[name] = value if name in ("args", "response", "parametersJsonSchema") else asked(value)
    return found


def _problem(model: str, body: dict[str, Any]) -> str:
    """Why the API would not take this request."""
    config = body.get("generationConfig", {})
    thinking = config.get("thinkingConfig", {})
    if {"thinkingLevel", "thinkingBudget"} <= set(thinking):
        return "You can only set one of thinking budget and thinking level."
    if thinking.get("thinkingLevel", "").upper() == "MINIMAL" and not model.startswith(_MINIMAL):
        return "Thinking level MINIMAL is not supported for this model."
    contents = body["contents"]
    if not contents or contents[0]["role"] != "user" or contents[-1]["role"] != "user":
        return "Please ensure that a multiturn request begins and ends with a user role."
    for before, after in zip(contents, contents[1:], strict=False):
        if before["role"] == after["role"]:
            return "Please ensure that roles alternate between user and model."
        called = [part["functionCall"] for part in before["parts"] if "functionCall" in part]
        answered = [part["functionResponse"] for part in after["parts"] if "functionResponse" in part]
        if [call["name"] for call in called] != [answer["name"] for answer in answered]:
            return "The number of function response parts must be equal to that of the function call parts."
        if [call.get("id") for call in called] != [answer.get("id") for answer in answered]:
            return "The ids of function responses must be those of their calls."
    asked = max(at for at, turn in enumerate(contents) if any("text" in part for part in turn["parts"]))
    for turn in contents[asked + 1 if contents[asked]["role"] == "user" else asked :]:
        calls = [part for part in turn["parts"] if "functionCall" in part]
        signature = base64.b64decode(calls[0].get("thoughtSignature", "")) if calls else SKIP
        if signature not in (SIGNATURE, SKIP):
            return "Function call is missing a thought_signature in functionCall parts."
    return ""
