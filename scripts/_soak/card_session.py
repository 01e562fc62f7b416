"""A session on the sound card's own devices whose assistant never stops talking, told to be as it is by default.

    python -m scripts._soak.card_session VOICE.npz SECONDS

A process of its own, because PortAudio reads the environment of the virtual card when it is loaded. Out comes a line of
JSON for each event, and {"event": "lost", "t": ...} each time that the device says that it lost sound.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import AsyncExitStack
from typing import Any

import anyio
import numpy as np

from assistant.assemble import open_vad, segment_rules, turn_rules
from assistant.config import Settings
from assistant.conversation.history import History
from assistant.ears import ears, processing_for
from assistant.later import Later
from assistant.ports import Notice
from assistant.session import Limits, Parts, Session
from assistant.sound import open_sound
from providers import scripted
from scripts._soak.talkative import Reader, Wordless, at_hand

LOOK_EVERY = 0.05


class Teller:
    """Observer: tells all but words, and has the assistant go on talking."""

    def __init__(self) -> None:
        self.spoken = 0
        self.session: Session | None = None

    def notice(self, notice: Notice) -> None:
        if notice.event not in ("reply.word", "_"):
            tell({"event": notice.event, "t": notice.t, "at": notice.at, **notice.data})
        if notice.event == "reply.started":
            self.spoken += 1
            assert self.session is not None
            self.session.announce(f"Number {self.spoken}.")  # waits until this one is over


def tell(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)


async def main(voice: str, seconds: float) -> None:
    with np.load(voice) as kept:
        reader = Reader([kept[name] for name in sorted(kept.files)])
    settings, teller = Settings(), Teller()
    async with AsyncExitStack() as stack:
        owners = await stack.enter_async_context(anyio.create_task_group())
        sound = await stack.enter_async_context(open_sound("", ""))
        vad = await stack.enter_async_context(open_vad(settings))
        processing = processing_for(settings, None, devices=True, output=sound.output)
        heard = await ears(sound.duplex, vad, None, processing, None)
        model = scripted.chat_model({"replies": ["Number 1."], "ttft": 0.2})
        stages: list[Later[Any]] = [Later(Wordless.open()), Later(model), Later(at_hand(reader))]
        for stage in stages:
            owners.start_soon(stage.run)
        for stage in stages:
            await stage.get()
        session = teller.session = Session(
            Parts(
                duplex=heard.duplex,
                vad=heard.vad,
                lag=heard.lag,
                echo_taken=heard.echo_taken,
                captured=heard.captured,
                transcriber=stages[0],
                model=stages[1],
                voice=stages[2],
                history=History(""),
                observers=[teller],
                turns=turn_rules(settings),
                segments=segment_rules(settings),
                limits=Limits(seconds=seconds),
            )
        )
        sound.duplex.start()
        owners.start_soon(_begin, session)
        owners.start_soon(_watch, sound.duplex)
        await session.run()
        owners.cancel_scope.cancel()


async def _begin(session: Session) -> None:
    await anyio.sleep(0.1)
    session.announce("Number 0.")


async def _watch(duplex: Any) -> None:
    lost = 0
    while True:
        if (now := duplex.underruns + duplex.overflows) != lost:
            tell({"event": "lost", "t": duplex.now(), "times": now - lost})
            lost = now
        await anyio.sleep(LOOK_EVERY)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], float(sys.argv[2]))
    sys.stdout.flush()
    os._exit(0)  # as `parley` does: a device that hangs is left behind
