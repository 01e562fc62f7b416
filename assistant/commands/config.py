"""``parley config show | path | check``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from assistant.commands.common import add_common, settings_from
from assistant.config import Loaded, files_for, redacted, to_toml
from assistant.config.schema import dotted
from assistant.errors import ParleyError


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("config", help="show and check the configuration")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="print the settings in force as TOML, without keys")
    show.add_argument("--origin", action="store_true", help="say of each value where it comes from")
    path = actions.add_parser("path", help="print the files that are looked at")
    check = actions.add_parser("check", help="say whether the configuration is right")
    check.add_argument("file", metavar="FILE", nargs="?", type=Path, help="check this file alone")
    for action in (show, path, check):
        add_common(action)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Raises ParleyError when the configuration is wrong."""
    match args.action:
        case "show":
            _show(settings_from(args), args)
        case "path":
            _path(args)
        case "check":
            _check(args)
    return 0


def _show(loaded: Loaded, args: argparse.Namespace) -> None:
    table = redacted(loaded.settings)
    if args.json:
        origins = {key: str(origin) for key, origin in loaded.origins.items()}
        _write_json({"settings": table, "origins": origins, "files": _files(loaded.files)})
        return
    comment = (lambda path: str(loaded.origins[dotted(path)])) if args.origin else None
    sys.stdout.write(to_toml(_without_empty(table), comment))


def _path(args: argparse.Namespace) -> None:
    # The files are told even when what is in them is wrong: that is when one asks.
    import os

    given = Path(args.config) if args.config is not None else None
    files = tuple((path, path.is_file()) for path in files_for(given, os.environ, Path.cwd()))
    if args.json:
        _write_json({"files": _files(files)})
        return
    for path, there in files:
        sys.stdout.write(f"{path} ({'found' if there else 'not there'})\n")


def _check(args: argparse.Namespace) -> None:
    from assistant.prompts import load_prompt

    loaded = settings_from(args, config_file=args.file)
    load_prompt(loaded.settings.assistant.prompt)
    _check_stop_words(loaded)
    found = [str(path) for path, there in loaded.files if there]
    if args.json:
        _write_json({"ok": True, "files": _files(loaded.files)})
    else:
        sys.stdout.write(f"ok: {', '.join(found) or 'no config file, the defaults are in force'}\n")


def _check_stop_words(loaded: Loaded) -> None:
    """Raise ParleyError for one that the spotter cannot listen for; without its package nobody knows."""
    from assistant.automatic import installed_here

    turn = loaded.settings.turn
    if turn.stop_words and turn.stop_spotter in ("auto", "pocketsphinx") and installed_here("pocketsphinx"):
        from providers.keyphrases import unpronounceable

        if unknown := unpronounceable(turn.stop_words):
            raise ParleyError(
                f"{loaded.origins['turn.stop_words'].place}: turn.stop_words holds {', '.join(map(repr, unknown))}, "
                "which the dictionary does not have; take English words that it has"
            )


def _files(files: tuple[tuple[Path, bool], ...]) -> list[dict[str, Any]]:
    return [{"path": str(path), "exists": there} for path, there in files]


def _without_empty(table: dict[str, Any]) -> dict[str, Any]:
    """Without empty tables, which say nothing."""
    kept = {key: _without_empty(value) if isinstance(value, dict) else value for key, value in table.items()}
    return {key: value for key, value in kept.items() if value != {}}


def _write_json(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
