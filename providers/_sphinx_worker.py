"""PocketSphinx in a process of its own, because it holds the interpreter while it decodes.

Messages both ways: a header (`HEADER`: kind, utterance, length of what follows), then that many bytes.

to the worker     GRAMMAR  JSON {jsgf, vocabulary}: load; answered with READY or FAILED
                  SOUND    a 32-bit float, the level, and 16-bit samples: the utterance's next frame
                  FINISH   a final is wanted
                  FORGET   nobody wants this utterance any more
from the worker   READY, FAILED (what went wrong), HEARD (JSON, see `heard`)

It ends when its standard input does, so it cannot outlive the program that started it.
"""

from __future__ import annotations

import json
import os
import queue
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol

HEADER = struct.Struct("<cII")
LEVEL = struct.Struct("<f")
GRAMMAR, SOUND, FINISH, FORGET = b"G", b"S", b"F", b"X"
READY, FAILED, HEARD = b"R", b"E", b"H"
ASK, HERE = b"A", b"K"
"""Is anybody there? Only the worker that spots keyphrases is asked: this one always owes an answer anyway."""

Message = tuple[bytes, int, bytes]
Messages = queue.SimpleQueue[Message]


class Tell(Protocol):
    """Send a message to whoever started this."""

    def __call__(self, kind: bytes, utterance: int = 0, body: bytes = b"") -> None: ...


def read(file: IO[bytes]) -> Message | None:
    """The next message; None at the end."""
    header = file.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    kind, utterance, length = HEADER.unpack(header)
    body = file.read(length)
    return (kind, utterance, body) if len(body) == length else None


def packed(kind: bytes, utterance: int = 0, body: bytes = b"") -> bytes:
    return HEADER.pack(kind, utterance, len(body)) + body


def main() -> None:
    serve(_work)


def serve(work: Callable[[Messages, Tell], None]) -> None:
    """Run ``work`` on what comes in until whoever sends it is gone."""
    messages: Messages = queue.SimpleQueue()
    reader = threading.Thread(target=_read_all, args=(sys.stdin.buffer, messages), daemon=True)
    reader.start()
    out = sys.stdout.buffer

    def tell(kind: bytes, utterance: int = 0, body: bytes = b"") -> None:
        out.write(packed(kind, utterance, body))
        out.flush()

    try:
        work(messages, tell)
    except BrokenPipeError:
        os._exit(0)


def _read_all(file: BinaryIO, messages: Messages) -> None:
    while (message := read(file)) is not None:
        messages.put(message)
    os._exit(0)  # whoever wanted this is gone; the main thread may be decoding


def loaded(messages: Messages, tell: Tell) -> Recogniser | None:
    """Take the first message, and tell that the recogniser is ready or what went wrong; then None."""
    _, _, body = messages.get()
    try:
        # Imported here, so that what is wrong with them can be told.
        from providers._sphinx_decoder import Words

        phones = PhoneLoop()
        grammar = json.loads(body)
        recogniser = Recogniser(Words(grammar["jsgf"], grammar["vocabulary"]), phones)
        recogniser.paths(bytes(16_000))  # half a second of nothing: the first decode is slower
    except Exception as error:
        tell(FAILED, 0, f"{type(error).__name__}: {error}".encode())
        return None
    tell(READY)
    return recogniser


def _work(messages: Messages, tell: Tell) -> None:
    recogniser = loaded(messages, tell)
    if recogniser is None:
        return
    from providers._sphinx_utterance import Utterance

    utterances: dict[int, Utterance] = {}
    last: dict[int, dict[str, Any]] = {}
    while True:
        for kind, number, body in arrived(messages, wait=not any(one.due for one in utterances.values())):
            if kind == FORGET:
                utterances.pop(number, None)
                last.pop(number, None)
                continue
            utterance = utterances.setdefault(number, Utterance())
            if kind == SOUND:
                utterance.push(body[LEVEL.size :], LEVEL.unpack_from(body)[0])
            elif kind == FINISH:
                utterance.owed += 1
        # A final before any partial; of the partials, the newest utterance's.
        ready = sorted((one.due == "final", number) for number, one in utterances.items() if one.due)
        if ready:
            final, number = ready[-1]
            utterance = utterances[number]
            last[number] = heard(recogniser, utterance, last.get(number))
            utterance.owed -= final
            tell(HEARD, number, json.dumps({**last[number], "final": final}).encode())


def arrived(messages: Messages, *, wait: bool) -> Iterator[Message]:
    """All that has arrived; with ``wait``, at least one."""
    try:
        yield messages.get(wait)
        while True:
            yield messages.get(False)
    except queue.Empty:
        return


class PhoneLoop:
    """The other decoder, in a process of its own, so that both decode at once. It ends when this one does."""

    def __init__(self) -> None:
        start = "import sys; sys.path.append(sys.argv[1]); from providers._sphinx_worker import loop; loop()"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", start, str(Path(__file__).resolve().parent.parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout

    def begin(self, pcm: bytes) -> None:
        self._to.write(packed(SOUND, 0, pcm))
        self._to.flush()

    def result(self) -> list[Any]:
        """The phones, as the constructor of `_sphinx_score.Segment` takes them."""
        message = read(self._from)
        if message is None:
            raise RuntimeError("the process that decodes phones has ended")
        return list(json.loads(message[2]))


def loop() -> None:
    """That process."""
    from providers._sphinx_decoder import Phones

    phones = Phones()
    while (message := read(sys.stdin.buffer)) is not None:
        found = [(one.name, one.first, one.last, one.score, one.language) for one in phones.decode(message[2])]
        try:
            sys.stdout.buffer.write(packed(HEARD, 0, json.dumps(found).encode()))
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            os._exit(0)


class Recogniser:
    """Both decoders, and whether to believe the first."""

    def __init__(self, words: Any, phones: PhoneLoop) -> None:
        self._words = words
        self._phones = phones

    def paths(self, pcm: bytes) -> tuple[list[Any], list[Any]]:
        """The grammar's `_sphinx_score.Segment`s, and the phones'."""
        from providers._sphinx_score import Segment

        self._phones.begin(pcm)
        path = self._words.decode(pcm)
        return path, [Segment(*phone) for phone in self._phones.result()]

    def decode(self, pcm: bytes) -> tuple[list[Any], bool]:
        """The words' `_sphinx_score.Segment`s, and whether they are to be believed."""
        from providers._sphinx_decoder import dithered
        from providers._sphinx_score import believed

        path, phones = self.paths(dithered(pcm))
        return [segment for segment in path if segment.phones], believed(path, phones)


def heard(recogniser: Recogniser, utterance: Any, last: dict[str, Any] | None) -> dict[str, Any]:
    """What is in the utterance so far, as it goes to the program that asked: ``text``, ``words`` (text, first and last
    second in the utterance), ``until`` (how many samples were listened to) and ``unintelligible``."""
    from providers._sphinx_decoder import FRAME_RATE
    from providers._sphinx_utterance import RATE

    nothing = {"text": "", "words": [], "until": utterance.samples, "unintelligible": False}
    if utterance.steady:
        return nothing
    if utterance.too_long:
        return {**nothing, "unintelligible": True}
    if utterance.answered:
        return {**(last or nothing), "until": utterance.samples}
    pcm, start = utterance.sound()
    found, believed = recogniser.decode(pcm)
    if not believed:
        return {**nothing, "unintelligible": True}
    offset = start / RATE
    words = [[word.name, offset + word.first / FRAME_RATE, offset + (word.last + 1) / FRAME_RATE] for word in found]
    return {**nothing, "text": " ".join(word.name for word in found), "words": words}


if __name__ == "__main__":
    main()
