"""``parley transcribe``: what is said in audio and video files, as text or subtitles."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assistant.commands.common import add_common, settings_from
from assistant.errors import ParleyError

FORMATS = ("txt", "srt", "vtt", "json")
WORDS: dict[str, dict[str, Any]] = {"faster-whisper": {"word_times": True}, "openai-compatible": {"words": True}}
"""Which providers can tell when each word was said, and the option that asks for it."""
TRANSLATE: dict[str, dict[str, Any]] = {"faster-whisper": {"translate": True}}
"""Which can write English whatever is spoken."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "transcribe",
        help="write down what is said in audio and video files",
        description="Write down what is said in audio and video files, as text or as subtitles.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="any audio or video file")
    parser.add_argument("--format", choices=FORMATS, help="txt (the default), srt, vtt or json")
    parser.add_argument("--output", metavar="DIR", type=Path, help="write NAME.FORMAT there (default for one: stdout)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    parser.add_argument("--language", metavar="L", help='what is spoken, such as "en" or "pt-BR" (default: listen)')
    parser.add_argument("--translate", action="store_true", help="write English, whatever is spoken (faster-whisper)")
    parser.add_argument("--words", action="store_true", help="the time of every word as well")
    parser.add_argument("--denoise", action="store_true", help="take out steady noise first")
    add_common(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from assistant import automatic, forewarn, interruptible
    from assistant.files.many import Work, transcribe_all

    kind = args.format or ("json" if args.json else "txt")
    if args.words and kind == "txt":
        raise ParleyError("--words needs a format with times in it; add --format json, srt or vtt")
    if args.denoise and not automatic.installed_here("livekit"):
        raise ParleyError(
            "--denoise needs the Python package 'livekit'; install it with: pip install 'parley-voice[echo]'"
        )
    loaded = settings_from(args, {"stt": {"language": args.language}})
    outputs = _outputs(args.files, args.output, kind, args.overwrite)
    settings, _ = automatic.decide(loaded.settings, stages=("stt",))
    forewarn.told(settings, ("stt",))
    if args.words:
        settings = _asked_for(settings, "--words", WORDS)
    if args.translate:
        settings = _asked_for(settings, "--translate", TRANSLATE)
    settings = _with_languages(settings, translate=args.translate)
    works = [Work(path, output) for path, output in zip(args.files, outputs, strict=True)]
    return interruptible.run(lambda: transcribe_all(works, kind, settings, denoise=args.denoise))


def _asked_for(settings: Any, flag: str, able: Mapping[str, Mapping[str, Any]]) -> Any:
    """The settings with what ``flag`` asks of the provider. Raises ParleyError where it cannot do that.

    Without its fallbacks: they would silently do something else.
    """
    import msgspec

    stt = settings.stt
    instance = settings.providers.get(stt.provider)
    provider = instance.provider if instance else stt.provider
    if provider not in able:
        raise ParleyError(f"{provider} cannot do {flag}; choose one that can, with --stt: {', '.join(able)}")
    stt = msgspec.structs.replace(stt, options={**stt.options, **able[provider]}, fallback=())
    return msgspec.structs.replace(settings, stt=stt)


def _with_languages(settings: Any, *, translate: bool) -> Any:
    """Whisper's default model knows English alone: where that will not do and none was chosen, one of all languages."""
    import msgspec

    stt = settings.stt
    language = settings.assistant.language if stt.language == "auto" else stt.language
    english = language == "auto" or language.split("-")[0].lower() == "en"
    if stt.provider != "faster-whisper" or stt.model or (english and not translate):
        return settings
    return msgspec.structs.replace(settings, stt=msgspec.structs.replace(stt, model="base"))


def _outputs(files: Sequence[Path], folder: Path | None, kind: str, overwrite: bool) -> list[Path | None]:
    """Where each transcript goes. Raises ParleyError before any work is done for nothing."""
    if folder is None:
        if len(files) > 1:
            raise ParleyError("several files need a folder for their transcripts; add --output DIR")
        return [None]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParleyError(f"--output {folder} cannot be a folder ({error.strerror}); choose another") from None
    stems = [path.stem for path in files]
    # talk.mp3 and talk.wav both want to be talk.txt: then the whole name counts.
    names = [path.name if stems.count(path.stem) > 1 else path.stem for path in files]
    for path, name in zip(files, names, strict=True):
        if names.count(name) > 1:
            raise ParleyError(f"two files are called {path.name}; transcribe them into different folders")
    outputs = [folder / f"{name}.{kind}" for name in names]
    for output in outputs:
        if output.exists() and not overwrite:
            raise ParleyError(f"{output} is there already; add --overwrite to replace it, or choose another --output")
    return list(outputs)
