"""Following the sound server: what is started for it ends with it. With a `pactl` of our own, and no devices."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import pytest

from assistant.audio import portaudio
from assistant.audio.portaudio import PortAudioDuplex

SUBSCRIBED = """#!/bin/sh
[ "$1" = subscribe ] || exit 1
echo "Event 'change' on sink #1"
echo $$ > "{pid}.part" && mv "{pid}.part" "{pid}"
exec sleep 60
"""


@pytest.mark.anyio
async def test_the_watching_process_is_gone_when_nobody_follows_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = tmp_path / "pid"
    (tmp_path / "pactl").write_text(SUBSCRIBED.format(pid=pid))
    (tmp_path / "pactl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(portaudio, "SEVERAL", 30.0)  # left while a change is being waited out
    duplex = PortAudioDuplex(None, None, None)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(duplex.follow)
            while not pid.exists():  # noqa: ASYNC110 - another process writes it
                await anyio.sleep(0.01)
            await anyio.sleep(0.2)
            group.cancel_scope.cancel()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    await duplex.close()
