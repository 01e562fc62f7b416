"""A process with a duplex of sound devices, told what to do by lines of JSON, and telling what happens.

    python -m tests.devices._play '{"input": "", "output": ""}'

Out come {"event": "open" | "changed" | "answer" | "refused", ...}. Its own process, because PortAudio reads the
environment of the virtual card when it is loaded, and because a crash must be a test's failure and not its end.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

import anyio
import anyio.from_thread
import numpy as np

from assistant.audio.portaudio import PortAudioDuplex, open_duplex
from assistant.errors import ParleyError
from assistant.ports import Frame, Samples


def tell(event: str, **more: Any) -> None:
    print(json.dumps({"event": event, **more}), flush=True)


class Player:
    def __init__(self, duplex: PortAudioDuplex) -> None:
        self.duplex = duplex
        self.frames: list[Frame] = []
        self.tapped: list[Samples] = []

    async def listen(self) -> None:
        async for frame in self.duplex.frames():
            self.frames.append(frame)

    def state(self) -> dict[str, Any]:
        duplex = self.duplex
        heard = duplex.heard()
        return {
            "now": duplex.now(),
            "heard": heard,
            "frames": len(self.frames),
            "underruns": duplex.underruns,
            "overflows": duplex.overflows,
            "names": duplex.names,
            "latencies": duplex.latencies,
        }

    def obey(self, order: dict[str, Any]) -> Any:
        what = order.pop("do")
        match what:
            case "play":
                return self.duplex.play(np.load(order["file"]), first=order.get("first", True))
            case "pause" | "resume" | "drop":
                return getattr(self.duplex, what)()
            case "time_of":
                return self.duplex.time_of(order["position"])
            case "state":
                return self.state()
            case "mic":
                starts = [frame.start for frame in self.frames]
                assert starts == list(range(0, 512 * len(starts), 512))
                np.save(order["file"], np.concatenate([frame.samples for frame in self.frames]))
            case "tapped":
                np.save(order["file"], np.concatenate(self.tapped))
            case "stall":
                threading.Event().wait(order["seconds"])
            case _:
                raise AssertionError(what)
        return None


async def main(options: dict[str, Any]) -> None:
    lines_in, lines = anyio.create_memory_object_stream[str](100)
    token = anyio.lowlevel.current_token()

    def read() -> None:
        for line in sys.stdin:
            anyio.from_thread.run_sync(lines_in.send_nowait, line, token=token)
        anyio.from_thread.run_sync(lines_in.close, token=token)

    def changed(before: str | None, after: str | None) -> None:
        tell("changed", **{"from": before, "to": after, "at": duplex.now()})

    async with open_duplex(options.get("input", ""), options.get("output", ""), on_device_changed=changed) as duplex:
        player = Player(duplex)
        if options.get("tap"):
            duplex.tap(player.tapped.append)
        async with anyio.create_task_group() as group:
            group.start_soon(player.listen)
            duplex.start()
            tell("open", names=duplex.names, latencies=duplex.latencies)
            threading.Thread(target=read, daemon=True).start()
            async for line in lines:
                tell("answer", value=player.obey(json.loads(line)))
            group.cancel_scope.cancel()
    tell("closed")


if __name__ == "__main__":
    code = 0
    try:
        anyio.run(main, json.loads(sys.argv[1]))
    except ParleyError as error:
        tell("refused", sentence=str(error), code=error.exit_code)
        code = error.exit_code
    sys.stdout.flush()
    os._exit(code)
