"""``parley voices``: the voices of a provider, how they sound, and which one is to speak."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from assistant.commands.common import add_common, settings_from
from assistant.errors import ParleyError


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "voices",
        help="list, hear and choose voices",
        description="List the voices of the configured provider, or of another one; hear one of them, or choose it.",
    )
    parser.add_argument("provider", nargs="?", metavar="PROVIDER", help="whose (default: the configured one's)")
    parser.add_argument("--language", metavar="CODE", help='those of a language alone, for example "de" or "pt-BR"')
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--play", metavar="VOICE", help="hear this voice on the loudspeaker")
    action.add_argument("--use", metavar="VOICE", help="speak with this voice from now on: write it into the config")
    parser.add_argument("--say", metavar="TEXT", help="what --play says (default: a greeting in the voice's language)")
    parser.add_argument("-o", "--output", metavar="FILE", help="--play into a .wav, .flac, .mp3 or .ogg file instead")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there already")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ParleyError."""
    from assistant import automatic, interruptible

    if args.play is None and (args.say is not None or args.output is not None):
        raise ParleyError("--say and -o are about a voice that is played: add --play VOICE")
    if args.provider is not None:
        if args.tts is not None:
            raise ParleyError("whose voices? Give PROVIDER or --tts, not both")
        args.tts = args.provider
    try:
        loaded = settings_from(args)
    except ParleyError as error:
        if args.provider is None:
            raise
        # It was not given with that flag.
        raise ParleyError(str(error).removeprefix("--tts: tts.provider = ")) from None
    settings, _ = automatic.decide(loaded.settings, stages=("tts",))
    return interruptible.run(lambda: _run(args, settings))


async def _run(args: argparse.Namespace, settings: Any) -> int:
    from assistant.catalogue.choosing import listed

    voices = await listed(settings)
    if args.play is not None:
        return await _play(args, settings, voices)
    if args.use is not None:
        return await _use(args, settings, voices)
    return _list(args, voices)


def _list(args: argparse.Namespace, voices: Any) -> int:
    from assistant.catalogue.voices import document, table
    from assistant.columns import room, show

    found = voices.known if args.language is None else voices.of_language(args.language)
    if args.json:
        _write_json(document(voices, found))
    else:
        show(table(voices, found, room()))
    return 0


async def _play(args: argparse.Namespace, settings: Any, voices: Any) -> int:
    from assistant.catalogue.choosing import called, speaking
    from assistant.catalogue.voices import sample
    from assistant.files.speak import InThread, Sink, SoundFile, speak, written
    from assistant.places import place

    voice = await called(settings, voices, args.play)
    sink: Sink
    output = Path(args.output) if args.output is not None else place(settings.audio.output, "audio.output")
    if isinstance(output, Path):
        sink = InThread(SoundFile(output, overwrite=args.overwrite))
    else:
        from assistant.files.aloud import Loudspeaker

        sink = Loudspeaker(output)
    text = args.say if args.say is not None else sample(voice.language)
    code = await speak(written(text), speaking(settings, voice.id), sink)
    if args.json and code == 0:
        file = str(output) if isinstance(output, Path) else None
        _write_json({"provider": voices.provider, "voice": voice.id, "text": text, "file": file})
    return code


async def _use(args: argparse.Namespace, settings: Any, voices: Any) -> int:
    from assistant.catalogue.choosing import called, choose
    from assistant.config import parse_choice

    voice = await called(settings, voices, args.use)
    model = parse_choice(args.tts)[1] if args.tts is not None else None
    config = Path(args.config) if args.config is not None else None
    chosen = await choose(settings, voice.id, model=model, config_file=config)
    if args.json:
        _write_json(
            {
                "file": str(chosen.file),
                "provider": chosen.provider,
                "voice": chosen.voice,
                "overruled_by": chosen.overruled or None,
            }
        )
    else:
        sys.stdout.write(f"{chosen.provider} speaks with {chosen.voice}: written into {chosen.file}\n")
    if chosen.overruled:
        print(f"parley: it is not in force here: {chosen.overruled}", file=sys.stderr)  # noqa: T201
    return 0


def _write_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
