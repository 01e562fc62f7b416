"""The servers of the tests leave nothing behind either."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import warnings

import pytest

from tests.servers.listening import Listening

pytestmark = pytest.mark.anyio


class Patient(Listening):
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()


@pytest.mark.parametrize("iterations", range(5))
async def test_whoever_comes_as_it_stops_is_hung_up_on_and_no_socket_is_lost(iterations: int) -> None:
    """So many of the loop's iterations lie between the connection and the stop."""
    server = Patient()
    await server.listen()
    with socket.create_connection((server.host, server.port)) as client:
        for _ in range(iterations):
            await asyncio.sleep(0)
        await server.stop()
        client.settimeout(5.0)
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
