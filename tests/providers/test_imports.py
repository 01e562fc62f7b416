"""Providers are opened side by side, each importing its vendor's package in a thread of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

SLOW = """
import time
time.sleep(0.6)
class Auth: ...
class Client: ...
class AsyncClient: ...
class URL: ...
class Response: ...
class Timeout: ...
class Limits: ...
class TimeoutException(Exception): ...
class RequestError(Exception): ...
class HTTPStatusError(Exception): ...
class StreamConsumed(Exception): ...
class RequestNotRead(Exception): ...
"""
PROGRAM = """
import importlib, sys, threading
import anyio
import openai
from providers import openai_compatible
from providers._http import GREETING
from tests.servers.compatible import CompatibleServer

async def main():
    async with CompatibleServer() as server:
        other = threading.Thread(target=importlib.import_module, args=("httpx",))
        other.start()
        while "httpx" not in sys.modules:
            await anyio.sleep(0.001)
        assert not hasattr(sys.modules["httpx"], "Timeout"), "it is being imported"
        async with openai_compatible.chat_model({"base_url": server.url, "model": "m"}) as model:
            print("".join([getattr(delta, "text", "") async for delta in model.reply(GREETING)]))
        other.join()

anyio.run(main)
"""


def test_a_package_that_is_just_being_imported_elsewhere_is_waited_for(tmp_path: Path) -> None:
    """OpenAI's SDK would take the half of it for the whole."""
    (tmp_path / "httpx.py").write_text(SLOW)
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": ""}
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "four o'clock" in ran.stdout
