"""What is taken where the config leaves it open, and the look for a local model server."""

from __future__ import annotations

import asyncio
import json
import sys
import types
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from assistant.automatic import LocalServer, choose, installed_here, lines, wants_server
from assistant.config import Settings
from assistant.config.settings import Llm, Stt, Tts
from assistant.ports import ParleyError
from providers._model_list import chatting
from providers._probe import listings, model_servers
from tests.servers.compatible import CompatibleServer

OLLAMA = LocalServer("http://127.0.0.1:11434/v1", "Ollama", "qwen3:8b")
EVERYTHING = {"openai", "anthropic", "faster_whisper", "pocketsphinx", "espeakng_loader"}


def chosen(
    environ: dict[str, str] | None = None,
    *servers: LocalServer,
    without: str = "",
    settings: Settings | None = None,
) -> tuple[Settings, dict[str, str]]:
    installed = EVERYTHING - set(without.split())
    found, why = choose(settings or Settings(), environ or {}, installed.__contains__, servers)
    return found, dict(why)


# --- the choice -------------------------------------------------------------------------------------------------------


def test_without_a_key_or_a_server_everything_runs_here() -> None:
    settings, why = chosen()
    assert (settings.stt.provider, settings.llm.provider, settings.tts.provider) == (
        "faster-whisper",
        "offline",
        "espeak-ng",
    )
    assert why["llm"] == "no key in the environment and no local model server"
    assert settings.stt.fallback == ("pocketsphinx",), "when the model cannot be downloaded"


def test_anthropic_comes_before_openai_and_both_before_a_local_server() -> None:
    both = {"ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "b"}
    assert chosen(both, OLLAMA)[0].llm.provider == "anthropic"
    settings, why = chosen({"OPENAI_API_KEY": "b"}, OLLAMA)
    assert (settings.llm.provider, why["llm"]) == ("openai", "OPENAI_API_KEY is set")
    assert settings.llm.fallback == ()


def test_a_service_that_fails_has_others_behind_it() -> None:
    keys = dict.fromkeys(("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "ELEVENLABS_API_KEY", "ANTHROPIC_API_KEY"), "k")
    settings, why = chosen(keys)
    assert (settings.stt.provider, settings.stt.fallback) == ("deepgram", ("elevenlabs", "openai"))
    assert (settings.llm.provider, settings.llm.fallback) == ("anthropic", ("openai",))
    assert (settings.tts.provider, settings.tts.fallback) == ("elevenlabs", ("deepgram", "openai", "espeak-ng"))
    assert why == {
        "stt": "DEEPGRAM_API_KEY is set", "llm": "ANTHROPIC_API_KEY is set", "tts": "ELEVENLABS_API_KEY is set",
    }  # fmt: skip


def test_a_local_server_comes_before_the_offline_assistant_which_stands_by() -> None:
    settings, why = chosen({}, OLLAMA)
    assert settings.llm == Llm(
        provider="openai-compatible",
        model="qwen3:8b",
        fallback=("offline",),
        options={"base_url": "http://127.0.0.1:11434/v1"},
    )
    assert why["llm"] == "Ollama answers at http://127.0.0.1:11434/v1"


def test_what_the_user_wrote_stands() -> None:
    mine = Settings(llm=Llm(model="mine", fallback=("scripted",), options={"base_url": "http://box:1"}))
    settings, _ = chosen({}, OLLAMA, settings=mine)
    assert settings.llm.model == "mine"
    assert settings.llm.fallback == ("scripted",)
    assert settings.llm.options == {"base_url": "http://box:1"}
    taken = Settings(stt=Stt(provider="openai"), llm=Llm(provider="scripted"), tts=Tts(provider="scripted"))
    assert chosen({"ANTHROPIC_API_KEY": "a"}, OLLAMA, settings=taken) == (
        taken,
        dict.fromkeys(("stt", "llm", "tts"), "chosen"),
    )


def test_a_key_whose_package_is_missing_is_told() -> None:
    settings, why = chosen({"ANTHROPIC_API_KEY": "a"}, without="anthropic")
    assert settings.llm.provider == "offline"
    assert "ANTHROPIC_API_KEY is set, but the package anthropic is missing" in why["llm"]
    assert "pip install 'parley-voice[anthropic]'" in why["llm"]


def test_an_empty_key_is_none() -> None:
    assert chosen({"ANTHROPIC_API_KEY": " "})[0].llm.provider == "offline"


def test_a_server_needs_its_package() -> None:
    assert chosen({}, OLLAMA, without="openai")[0].llm.provider == "offline"


def test_pocketsphinx_alone_listens() -> None:
    settings, _ = chosen(without="faster_whisper")
    assert (settings.stt.provider, settings.stt.fallback) == ("pocketsphinx", ())


@pytest.mark.parametrize(
    ("without", "message"),
    [("faster_whisper pocketsphinx", "transcribe speech"), ("espeakng_loader", "no voice is installed")],
)
def test_a_stage_that_nothing_can_fill_is_one_sentence(without: str, message: str) -> None:
    with pytest.raises(ParleyError, match=message) as caught:
        chosen(without=without)
    assert "\n" not in str(caught.value)


def test_a_provider_that_nobody_registered_is_not_taken() -> None:
    settings, _ = choose(Settings(), {}, EVERYTHING.__contains__, known=lambda stage, name: name != "pocketsphinx")
    assert settings.stt.fallback == ()


def test_only_the_stages_that_are_asked_for_must_be_there() -> None:
    settings, why = choose(Settings(), {}, {"espeakng_loader"}.__contains__, stages=("tts",))
    assert (settings.tts.provider, settings.stt.provider, set(why)) == ("espeak-ng", "", {"tts"})


def test_nobody_looks_for_a_server_that_would_not_be_taken() -> None:
    assert wants_server(Settings(), {}, EVERYTHING.__contains__)
    assert not wants_server(Settings(), {"OPENAI_API_KEY": "b"}, EVERYTHING.__contains__)
    assert not wants_server(Settings(llm=Llm(provider="offline")), {}, EVERYTHING.__contains__)
    assert not wants_server(Settings(), {}, (EVERYTHING - {"openai"}).__contains__)


def test_one_line_a_stage() -> None:
    settings, why = chosen({}, OLLAMA, settings=Settings(stt=Stt(provider="faster-whisper")))
    assert lines(settings, why) == [  # type: ignore[arg-type]
        "llm: openai-compatible with qwen3:8b (Ollama answers at http://127.0.0.1:11434/v1)",
        "tts: espeak-ng (runs on this machine)",
    ]


# --- the look ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def raw(answer: bytes, *, end: bool = True) -> AsyncIterator[int]:
    """A server that sends these bytes to whoever connects; its port."""

    open_ones: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(writer)
        writer.write(answer)
        if end:
            await writer.drain()
            writer.write_eof()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in open_ones:
            writer.transport.abort()
        await asyncio.sleep(0)


def listing(*models: str) -> bytes:
    return json.dumps({"object": "list", "data": [{"id": name} for name in models]}).encode()


@pytest.mark.anyio
async def test_a_server_is_found_with_a_model_that_chats() -> None:
    async with CompatibleServer() as server:
        port = server.port
        assert await model_servers({port: "Ollama"}, patience=5) == [
            (f"http://127.0.0.1:{port}/v1", "Ollama", "qwen3:8b")
        ]
        assert [request.path for request in server.requests] == ["/v1/models"]


@pytest.mark.anyio
async def test_several_come_in_the_order_of_preference() -> None:
    answer = b"HTTP/1.0 200 OK\r\n\r\n"
    async with raw(answer + listing("b")) as second, raw(answer + listing("a")) as first:
        found = await model_servers({first: "one", second: "two"}, patience=5)
    assert [(kind, model) for _, kind, model in found] == [("one", "a"), ("two", "b")]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
    ],
)
async def test_every_way_of_framing_an_answer(head: bytes) -> None:
    """Even from a server that keeps the connection open."""
    body = listing("llama-3")
    head = head % len(body) if b"%" in head else head
    answer = head + body + (b"\r\n0\r\n\r\n" if b"chunked" in head else b"")
    async with raw(answer, end=False) as port:
        [(_, _, model)] = await model_servers({port: "x"}, patience=5)
    assert model == "llama-3"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n<html></html",
        b"HTTP/1.0 200 OK\r\n\r\n[1, 2]",
        b'HTTP/1.0 200 OK\r\n\r\n{"data": [{"id": 7}, 8, {"id": "nomic-embed-text"}]}',
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"",
    ],
)
async def test_other_servers_are_none(answer: bytes) -> None:
    async with raw(answer) as port:
        assert await model_servers({port: "x"}, patience=5) == []


@pytest.mark.anyio
async def test_nothing_listens_and_nobody_waits() -> None:
    async with raw(b"") as port:
        pass  # free again
    with anyio.fail_after(2):
        assert await model_servers({port: "x"}, patience=60) == []


@pytest.mark.anyio
async def test_one_that_hangs_does_not_hide_another() -> None:
    async with AsyncExitStack() as servers:
        silent = await servers.enter_async_context(raw(b"", end=False))
        well = await servers.enter_async_context(raw(b"HTTP/1.0 200 OK\r\n\r\n" + listing("m")))
        found = await model_servers({silent: "silent", well: "well"}, patience=1.0)
    assert [kind for _, kind, _ in found] == ["well"]


@pytest.mark.anyio
async def test_who_answers_at_the_addresses_of_the_config() -> None:
    """Up, another kind of server, down, hanging, and those that are not asked."""
    async with AsyncExitStack() as servers:
        own = await servers.enter_async_context(CompatibleServer())
        other = await servers.enter_async_context(raw(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"))
        silent = await servers.enter_async_context(raw(b"", end=False))
        async with raw(b"") as down:
            pass
        near = [f"http://127.0.0.1:{port}/v1" for port in (other, silent, down)]
        far = ["https://127.0.0.1/v1", "http://example.invalid/v1", "wss://127.0.0.1:1"]
        with anyio.fail_after(3):
            found = await listings([own.url, f"http://localhost:{own.port}/v1", *near, *far], patience=1.0)
    models = ["nomic-embed-text", "qwen3:8b", "whisper-1"]
    assert found == {
        own.url: models,
        f"http://localhost:{own.port}/v1": models,
        near[0]: [],
        near[1]: None,
        near[2]: None,
    }
    assert all("authorization" not in request.headers for request in own.requests)


@pytest.mark.parametrize(
    ("names", "model"),
    [
        (["nomic-embed-text:latest", "llama3.2:3b"], "llama3.2:3b"),
        (["gpt-oss:120b-cloud", "qwen3:8b"], "qwen3:8b"),
        (["gpt-oss:120b-cloud"], "gpt-oss:120b-cloud"),
        (["whisper-1", "bge-reranker", "text-embedding-3"], None),
        ([], None),
    ],
)
def test_a_model_to_chat_with(names: list[str], model: str | None) -> None:
    assert chatting(names) == model


def test_a_package_that_is_broken_or_not_there_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parley_half").mkdir()
    (tmp_path / "parley_half" / "__init__.py").write_text("raise ImportError('half of it is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "parley_stand_in", types.ModuleType("parley_stand_in"))
    assert installed_here("json") and installed_here("parley_half")
    for package in ("parley_nowhere", "parley_nowhere.part", "parley_half.part", "parley_stand_in"):
        assert not installed_here(package), package
