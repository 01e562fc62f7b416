"""System prompts: Markdown files in ``prompts/``, or files of the user's own."""

from __future__ import annotations

from pathlib import Path

from assistant.ports import ParleyError

LARGEST = 1 << 18
"""Bytes. More than any model would want to read before each answer."""


def load_prompt(name_or_path: str) -> str:
    """The text of a prompt.

    ``"default"`` is ``prompts/default.md``; what holds a slash or ends in .md or .txt is a path. Raises ParleyError
    when there is none, naming those there are, or when it is not text.
    """
    if _is_path(name_or_path):
        return _read(Path(name_or_path).expanduser())
    available = prompt_names()
    if name_or_path not in available:
        raise ParleyError(
            f'there is no prompt "{name_or_path}"; choose one of: {", ".join(available)}, or give the path of a file'
        )
    return _read(_folder() / f"{name_or_path}.md")


def prompt_names() -> list[str]:
    """The names of the prompts that come with Parley, sorted."""
    return sorted(path.stem for path in _folder().glob("*.md"))


def _is_path(text: str) -> bool:
    return "/" in text or "\\" in text or text.endswith((".md", ".txt"))


def _folder() -> Path:
    """In a wheel the prompts lie inside the package, in a checkout beside it."""
    from importlib.resources import files

    inside = Path(str(files("assistant") / "prompts"))
    return inside if inside.is_dir() else Path(__file__).resolve().parent.parent / "prompts"


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        text = data.decode("utf-8-sig").strip()
    except FileNotFoundError:
        raise ParleyError(
            f"there is no prompt file {path}; check the path, or use one of: {', '.join(prompt_names())}"
        ) from None
    except OSError as error:
        raise ParleyError(f"cannot read the prompt file {path} ({error.strerror}); name a readable file") from None
    except UnicodeDecodeError:
        raise ParleyError(f"the prompt file {path} is not UTF-8 text; save it as UTF-8") from None
    if len(data) > LARGEST:
        raise ParleyError(f"the prompt file {path} is larger than 256 KiB; it is hardly a prompt")
    if not text:
        raise ParleyError(f"the prompt file {path} is empty; write what the assistant should be like")
    return text
