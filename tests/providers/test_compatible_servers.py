"""Ollama, llama.cpp, LM Studio, vLLM, speaches and the like: each in its own dialect, all put up with."""

from __future__ import annotations

from typing import Any

import numpy as np
import openai as sdk
import pytest

from assistant.ports import (
    FRAME,
    Frame,
    Message,
    ProviderError,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from providers import openai_compatible as compatible
from providers._errors import Rejected
from tests.providers.chat import MESSAGES, text
from tests.servers.compatible import RATE, SOUND, CompatibleServer
from tests.servers.dialects import Groq, Kokoro, LlamaCpp, LMStudio, Nameless, Ollama, Speaches, Vllm
from tests.servers.openai import HEARD, TEXT

pytestmark = pytest.mark.anyio
KEY = "gsk_test-0123456789"
TOOLS = [Tool("get_time", "The time.", {"type": "object", "properties": {"zone": {"type": "string"}}})]

CHAT = [Ollama, LlamaCpp, LMStudio, Vllm, Groq, Nameless]
everybody = pytest.mark.parametrize("kind", CHAT, ids=lambda kind: kind.__name__)
Kind = type[CompatibleServer]


def options(server: CompatibleServer, **more: Any) -> dict[str, Any]:
    return {"base_url": server.url, "api_key": KEY, **more}


def named(kind: Kind) -> dict[str, str]:
    """A model of its own; the nameless one has no list to choose from."""
    return {"model": "m"} if kind is Nameless else {}


async def replied(server: CompatibleServer, messages: Any = MESSAGES, tools: Any = (), **more: Any) -> list[Any]:
    async with compatible.chat_model(options(server, **more)) as model:
        return [delta async for delta in model.reply(messages, tools)]


@pytest.mark.parametrize("kind", [Ollama, LlamaCpp, LMStudio, Vllm, Groq], ids=lambda kind: kind.__name__)
async def test_openais_own_sdk_reads_it(kind: Kind) -> None:
    asked: Any = {"model": "qwen/m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    async with kind() as server, sdk.AsyncOpenAI(api_key=KEY, base_url=server.url, max_retries=0) as client:
        chunks = [chunk async for chunk in await client.chat.completions.create(**asked)]
        assert TEXT in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert chunks[-1].choices[0].finish_reason == "stop"
        assert [model.id for model in (await client.models.list()).data] == server.models


# --- text -------------------------------------------------------------------------------------------------------------


@everybody
async def test_its_words_and_not_its_thoughts_are_said(kind: Kind) -> None:
    async with kind() as server:
        assert text(await replied(server, **named(kind))) == TEXT


@everybody
async def test_it_calls_a_tool_and_takes_the_result(kind: Kind) -> None:
    async with kind() as server:
        server.tool, server.then = ("call_7", "get_time", {"zone": "Köln"}), ["Five past two."]
        async with compatible.chat_model(options(server, **named(kind))) as model:
            deltas = [delta async for delta in model.reply(MESSAGES, TOOLS)]
            [call] = [delta for delta in deltas if isinstance(delta, ToolCall)]
            assert (call.name, call.arguments) == ("get_time", {"zone": "Köln"})
            assert call.id == ("call_0" if kind is Nameless else "call_7")
            result = Message("user", (ToolResult(call.id, call.name, "14:05"),))
            again = [*MESSAGES, Message("assistant", (call,)), result]
            assert text([delta async for delta in model.reply(again, TOOLS)]) == "Five past two."


async def test_vllm_that_was_not_started_for_tools_answers_without_them() -> None:
    async with Vllm() as server:
        server.takes_tools = False  # type: ignore[attr-defined]
        assert text(await replied(server, tools=TOOLS)) == TEXT


@everybody
async def test_what_was_used_is_told_where_it_is_counted(kind: Kind) -> None:
    async with kind() as server:
        deltas = await replied(server, **named(kind))
    assert [delta for delta in deltas if isinstance(delta, Usage)] == (
        [] if kind is Nameless else [Usage(36, 64, 0, 9)]
    )


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        (Ollama, "qwen3:8b"),
        (LlamaCpp, "ggml-org/gemma-3-4b-it-GGUF"),
        (LMStudio, "google/gemma-3-4b"),
        (Vllm, "Qwen/Qwen3-8B"),
    ],
)
async def test_without_a_model_it_takes_the_first_that_chats(kind: Kind, model: str) -> None:
    async with kind() as server:
        await replied(server)
        assert server.posts[0].json["model"] == model


@pytest.mark.parametrize("stage", ["chat", "ears"])
async def test_llama_cpp_that_is_still_loading_says_so(stage: str) -> None:
    """In one sentence, and it is asked again as soon as anybody is: the model may be there by then."""
    async with LlamaCpp() as server:
        server.quirks |= {"loading"}
        with pytest.raises(ProviderError) as raised:
            await (replied(server, model="m") if stage == "chat" else heard(server, model="m"))
        assert str(raised.value) == "openai-compatible is still loading its model (503)"
        assert not isinstance(raised.value, Rejected)
        with pytest.raises(ProviderError, match="is still loading its model"):  # asked which models it has
            await (replied(server) if stage == "chat" else heard(server))
        server.quirks -= {"loading"}
        assert text(await replied(server)) == TEXT


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Ollama, r"does not know this model or address \(404\): model \"qwen3:8b\" not found, try pulling it first"),
        (LlamaCpp, r"does not know this model or address \(404\): No such model\."),
        (LMStudio, r"does not know this model or address \(404\): No such model\."),
        (Vllm, r"does not know this model or address \(404\): No such model\."),
        (Speaches, r"does not know this model or address \(404\): No such model\."),
        (Kokoro, r"does not know this model or address \(404\): No such model\."),
        (Groq, r"does not know this model or address \(404\): No such model\."),
    ],
)
async def test_its_own_words_are_in_the_error(kind: Kind, says: str) -> None:
    """Wherever the server keeps them."""
    async with kind() as server:
        server.fault = "404"
        with pytest.raises(Rejected, match=says):
            await replied(server, model="m")


@everybody
async def test_an_error_in_the_middle_of_a_success_is_one(kind: Kind) -> None:
    async with kind() as server:
        server.fault = "error_in_200"
        with pytest.raises(ProviderError, match="sent an error: Something broke"):
            await replied(server, model="qwen/m")


@everybody
async def test_a_whole_answer_in_the_place_of_a_stream_is_one_too(kind: Kind) -> None:
    async with kind() as server:
        server.quirks |= {"whole"}
        assert text(await replied(server, model="qwen/m")) == TEXT


# --- hearing ----------------------------------------------------------------------------------------------------------


async def heard(server: CompatibleServer, **more: Any) -> Any:
    opened = compatible.transcriber(options(server, **more))
    async with opened as transcriber, transcriber.stream() as stream:
        stream.push(Frame(np.full(FRAME, 0.3, np.float32), 32_000))
        stream.finish()
        first = await anext(aiter(stream))
        stream.push(Frame(np.full(FRAME, 0.3, np.float32), 32_512))
        stream.finish()
        await anext(aiter(stream))
    return first


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        (Ollama, b"whisper:base"),
        (Speaches, b"Systran/faster-whisper-small"),
        (Groq, b"whisper-large-v3-turbo"),
        (LlamaCpp, b"ggml-org/gemma-3-4b-it-GGUF"),  # none that looks like it: what it has
        (Nameless, b"default"),  # no list at all
    ],
)
async def test_without_a_model_it_hears_with_one_that_hears(kind: Kind, model: bytes) -> None:
    async with kind() as server:
        assert (await heard(server)).text == HEARD
        assert [request.form["model"] for request in server.posts] == [[model], [model]]
        asked = [request for request in server.requests if request.method == "GET"]
        assert len(asked) == 1, "it is asked once"


async def test_a_chosen_model_is_not_looked_for() -> None:
    async with Speaches() as server:
        await heard(server, model="mine")
        assert server.posts[0].form["model"] == [b"mine"]
        assert not [request for request in server.requests if request.method == "GET"]


@pytest.mark.parametrize(("given", "sent"), [("de", b"de"), ("pt-BR", b"pt"), ("pt_BR", b"pt"), ("EN-us", b"en")])
async def test_a_region_is_not_sent(given: str, sent: bytes) -> None:
    async with Speaches() as server:
        await heard(server, language=given)
        assert server.posts[0].form["language"] == [sent]


# --- speaking ---------------------------------------------------------------------------------------------------------


async def spoken(server: CompatibleServer, **more: Any) -> np.ndarray[Any, Any]:
    async with compatible.synthesizer(options(server, **more)) as voice:
        assert voice.rate == more.get("rate", RATE)
        await anext(aiter(voice.speak("Hi.")))
        return np.concatenate([chunk.samples async for chunk in voice.speak("Hello.")])


@pytest.mark.parametrize(
    ("kind", "model", "voice"),
    [
        (Speaches, "speaches-ai/Kokoro-82M-v1.0-ONNX", "af_alloy"),
        (Kokoro, "kokoro", "af_heart"),
        (Groq, "openai/gpt-oss-120b", "alloy"),  # none that looks like it: what it has
        (Nameless, "default", "alloy"),
    ],
)
async def test_without_a_model_it_speaks_with_one_that_speaks(kind: Kind, model: str, voice: str) -> None:
    async with kind() as server:
        assert np.array_equal(await spoken(server), SOUND.astype(np.float32) / 32768)
        assert {(request.json["model"], request.json["voice"]) for request in server.posts} == {(model, voice)}
        assert len([request for request in server.requests if request.method == "GET"]) == 1, "it is asked once"


async def test_a_model_at_a_rate_of_its_own_is_heard_at_ours() -> None:
    """Raw sound says nothing of its rate, so what the list says goes: the pitch would be wrong otherwise."""
    async with Speaches() as server:
        server.voice = {"id": "speaches-ai/piper-en_US-amy-medium", "sample_rate": 22_050}  # type: ignore[attr-defined]
        sound = await spoken(server)
    assert len(sound) == pytest.approx(len(SOUND) * RATE / 22_050, rel=0.01)
    spectrum = np.abs(np.fft.rfft(sound))
    pitch = np.fft.rfftfreq(len(sound), 1 / RATE)[int(np.argmax(spectrum))]
    assert pitch == pytest.approx(220 * 22_050 / RATE, abs=3), "the server's samples, taken for 22050 Hz"


async def test_what_fastapi_finds_wrong_is_said() -> None:
    async with Speaches() as server:
        with pytest.raises(ProviderError, match=r"called the request invalid \(422\): no such voice"):
            await spoken(server, voice="nobody")


async def test_nothing_that_openai_shuts_down_is_a_default() -> None:
    """Names that other servers took over from it, and that it will not have any more in weeks."""
    for kind in (compatible.HearingOptions, compatible.SpeakingOptions, compatible.ChatOptions):
        assert kind().model == ""
