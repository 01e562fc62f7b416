"""Which provider: from a name that a user wrote to what the registry knows, and the options for its factory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import msgspec

from assistant.config.layers import STAGES, Layer, Place
from assistant.config.schema import did_you_mean, dotted
from assistant.config.settings import PLANNED_PROVIDERS, Llm, Settings, Stt, Tts
from assistant.config.toml import value_text
from assistant.errors import ParleyError

Stage = Literal["stt", "llm", "tts"]

OF_WRAPPERS: Mapping[Stage, tuple[str, ...]] = {
    "stt": ("fast", "accurate"),
    "llm": (),
    "tts": ("short", "long", "limit"),
}
"""Keys of a stage's table that are options of the wrapper that knows them."""
_STANDARD = ("model", "voice", "language")
"""Options that are text in any provider."""

_FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+:[A-Za-z_]\w*")


def parse_choice(text: str) -> tuple[str, str | None]:
    """NAME[:MODEL] -> (name, model).

    NAME ends at the first colon and MODEL is the rest, which may be a path. A name with a dot in it is a factory,
    ``package.module:factory``; its model follows the second colon. Raises ParleyError.
    """
    name, colon, model = _split(text)
    if not name or (colon and not model):
        raise ParleyError(f'"{text}" is not a provider; write NAME or NAME:MODEL, for example faster-whisper:base.en')
    return name, model or None


def options_for(
    settings: Settings, stage: Stage, name: str | None = None, model: str | None = None
) -> tuple[str, dict[str, Any]]:
    """The provider to build for a stage: its name in the registry and the options for its factory.

    Without ``name`` it is the stage's own provider. ``name`` may be an instance's, or NAME:MODEL as it stands in
    ``fallback``. The stage's ``model``, ``voice`` and ``options`` go to its own provider only; another provider gets
    what is true of any (language, max_tokens, speed) and, if it is an instance, what the instance says. Keys without
    a value are left out, so that the provider's own default holds. A wrapper that is the stage's own provider also gets
    those of the stage's keys that are its options (`OF_WRAPPERS`). Always there: ``timeouts``, seconds by the keys
    connect, first_byte, gap. Raises ParleyError when no provider is chosen.
    """
    table: Stt | Llm | Tts = getattr(settings, stage)
    wanted = table.provider if name is None else name
    if not wanted:
        raise ParleyError(f"no {stage} provider is chosen; set provider under [{stage}], or use --{stage} NAME")
    wanted, model_in_name = parse_choice(wanted)
    # While the stage's provider is not chosen, its options can only be meant for whichever is taken.
    own = wanted == table.provider or (not table.provider and name not in table.fallback)
    options = _standard(settings, table)
    if own:
        options |= {"model": table.model} | ({"voice": table.voice} if isinstance(table, Tts) else {})
    instance = settings.providers.get(wanted)
    if instance is not None:
        options["model"] = options.get("model") or instance.model
        options |= instance.options
    registered = instance.provider if instance else wanted
    if own:
        options |= _of_wrapper(stage, table, registered) | table.options
    if model or model_in_name:
        options["model"] = model or model_in_name
    options["timeouts"] = msgspec.to_builtins(settings.timeouts)
    return registered, {k: v for k, v in options.items() if v is not None and v != ""}


def inner_names(settings: Settings, stage: Stage, name: str) -> list[tuple[str, str]]:
    """The option and the name of each provider that the one called ``name`` wraps; none where it is no wrapper."""
    registered, options = options_for(settings, stage, name)
    if not any(isinstance(value, str | list | tuple) for key, value in options.items() if key not in _STANDARD):
        return []  # without importing the provider's module
    return list(_held(options, _wraps(stage, registered)))


def leaves(settings: Settings, stage: Stage, name: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """`options_for` of the providers that hear, think or speak themselves: of what ``name`` wraps, to any depth.

    Raises ParleyError where a wrapper leads round in a circle.
    """
    yield from _leaves(settings, stage, getattr(settings, stage).provider if name is None else name, ())


def _leaves(settings: Settings, stage: Stage, name: str, above: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    registered, options = options_for(settings, stage, name)
    held = _wraps(stage, registered)
    if not held:
        yield registered, options
        return
    known = parse_choice(name)[0]
    if known in above:
        raise ParleyError(f"{stage}: {circle(above, known)}")
    for _, inner in _held(options, held):
        yield from _leaves(settings, stage, inner, (*above, known))


def circle(above: Sequence[str], name: str) -> str:
    """A sentence about ``name``, which is one of those ``above`` that led to it."""
    way = " -> ".join((*above[above.index(name) :], name))
    return f"{way} leads round in a circle; let one of them name a provider that wraps no other"


def _of_wrapper(stage: Stage, table: Stt | Llm | Tts, registered: str) -> dict[str, Any]:
    keys = OF_WRAPPERS[stage]
    given = {key: getattr(table, key) for key in keys}
    if not any(isinstance(value, str) and value for value in given.values()):
        return {}
    return given if set(keys) & set(_wraps(stage, registered)) else {}


def _held(options: Mapping[str, Any], keys: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The names that stand in a wrapper's options. What cannot be one is for the wrapper itself to refuse."""
    for key in keys:
        value = options.get(key)
        for name in value if isinstance(value, list | tuple) else [value]:
            if isinstance(name, str) and name:
                yield key, name


def _wraps(stage: str, registered: str) -> tuple[str, ...]:
    from providers.registry import wraps  # brings numpy

    return wraps(stage, registered)


def _split(text: str) -> tuple[str, str, str]:
    """Name, colon (if there is one), model."""
    name, colon, model = text.strip().partition(":")
    if colon and "." in name:
        factory, colon, model = model.partition(":")
        return f"{name}:{factory}", colon, model
    return name, colon, model


def with_provider(settings: Settings, stage: Stage, name: str, model: str = "") -> Settings:
    """The settings with a stage's provider chosen (where the user had left it open)."""
    table = getattr(settings, stage)
    return msgspec.structs.replace(
        settings, **{stage: msgspec.structs.replace(table, provider=name, model=model or table.model)}
    )


def check_names(layer: Layer, instances: Mapping[str, str]) -> None:
    """Raise ParleyError for the first provider's name in the layer that nothing answers to.

    ``instances``: the named instances of all layers, with the provider of each.
    """
    tables = [((), layer.table), *((("profiles", n), t) for n, t in layer.table.get("profiles", {}).items())]
    for path, table in tables:
        for stage, where, text, is_choice in _mentions(table, instances):
            here = (*path, *where)
            named = instances if stage in STAGES or is_choice else {}  # no instance is made of another
            problem = _problem(stage, text, is_choice, named)
            if problem:
                keys = dotted(tuple(str(part) for part in here if isinstance(part, str)))
                raise ParleyError(f"{layer.place(here)}: {keys} = {value_text(text)} {problem}")


def check_nesting(settings: Settings, place: Callable[[Place], str]) -> None:
    """Raise ParleyError for the first wrapper in force that lacks one, leads nowhere or in a circle.

    ``place``: where a key stands, for the front of the sentence.
    """
    for stage in STAGES:
        table: Stt | Llm | Tts = getattr(settings, stage)
        for name in filter(None, (table.provider, *table.fallback)):
            _check_wrapped(settings, stage, name, (), place)


def _check_wrapped(
    settings: Settings, stage: Stage, name: str, above: tuple[str, ...], place: Callable[[Place], str]
) -> None:
    known = parse_choice(name)[0]
    held = inner_names(settings, stage, name)
    if held:
        registered, options = options_for(settings, stage, name)
        for key in _wraps(stage, registered):
            if not options.get(key):
                here = _where(settings, stage, known, held[0][0])
                raise ParleyError(
                    f"{place(here)}: {registered} wraps other providers, and its {key} is not set; "
                    f"write {key} beside {dotted(here)}"
                )
    for key, inner in held:
        here = _where(settings, stage, known, key)
        said = f"{place(here)}: {dotted(here)} = {value_text(inner)}"
        if problem := _problem(stage, inner, True, {n: i.provider for n, i in settings.providers.items()}):
            raise ParleyError(f"{said} {problem}")
        found = parse_choice(inner)[0]
        if found in (*above, known):
            raise ParleyError(f"{said} cannot be: {circle((*above, known), found)}")
        _check_wrapped(settings, stage, inner, (*above, known), place)


def _where(settings: Settings, stage: Stage, name: str, key: str) -> Place:
    """Where the option of a wrapper called ``name`` was written."""
    table: Stt | Llm | Tts = getattr(settings, stage)
    if name == table.provider and key in table.options:
        return stage, "options", key
    instance = settings.providers.get(name)
    if instance is not None and key in instance.options:
        return "providers", name, "options", key
    return stage, key


def _standard(settings: Settings, table: Stt | Llm | Tts) -> dict[str, Any]:
    match table:
        case Stt():
            language = settings.assistant.language if table.language == "auto" else table.language
            return {"language": "" if language == "auto" else language}
        case Llm():
            return {"max_tokens": table.max_tokens}
        case Tts():
            return {"speed": table.speed}


def _mentions(
    table: Mapping[str, Any], instances: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str | int, ...], str, bool]]:
    """Each provider named in a table: (stage, path, text, whether NAME:MODEL is possible there)."""
    for stage in (*STAGES, "vad"):
        section = table.get(stage, {})
        if section.get("provider"):
            yield stage, (stage, "provider"), section["provider"], False
        for index, text in enumerate(section.get("fallback", [])):
            yield stage, (stage, "fallback", index), text, True
        for key in ("fast", "accurate", "short", "long"):
            if section.get(key):
                yield stage, (stage, key), section[key], True
        if stage in STAGES and section.get("provider") and section.get("options"):
            provider = instances.get(section["provider"], section["provider"])
            for key, text in _held(section["options"], _wraps(stage, provider)):
                yield stage, (stage, "options", key), text, True
    for stage, own in table.get("cost", {}).get("prices", {}).items():
        for name in own:
            yield stage, ("cost", "prices", stage, name), name, True
    for name, instance in table.get("providers", {}).items():
        provider = instance["provider"]
        yield "", ("providers", name, "provider"), provider, False
        held = {stage: keys for stage in STAGES if (keys := _wraps(stage, provider))} if instance.get("options") else {}
        for key, text in _held(instance.get("options", {}), sorted({key for keys in held.values() for key in keys})):
            stages = [stage for stage, keys in held.items() if key in keys]
            # In which stage it will stand is not known here, unless there is only one in which it can.
            yield stages[0] if len(stages) == 1 else "", ("providers", name, "options", key), text, True


@cache
def _registered(stage: str) -> tuple[str, ...]:
    from providers.registry import names  # brings numpy, which a config without providers does not need

    return tuple(names(stage)) if stage else tuple(sorted({n for each in STAGES for n in names(each)}))


def _problem(stage: str, text: str, is_choice: bool, instances: Mapping[str, str]) -> str:
    """What is wrong with a provider's name, as the end of a sentence; empty when nothing is."""
    name, colon, model = _split(text)
    if not name or (colon and not model):
        return "is not a provider; write NAME or NAME:MODEL"
    of_stage = f"{stage} provider" if stage else "provider"
    if model and not is_choice:
        if _FACTORY.fullmatch(name) or name in (*_registered(stage), *instances):
            return f'holds a model as well; write provider = "{name}" and model = "{model}"'
        return f'is not a {of_stage}; a provider of your own is written "package.module:factory", with a dot'
    if ":" in name:
        return "" if _FACTORY.fullmatch(name) else 'is not of the form "package.module:factory"'
    known = _registered(stage)
    inside = instances.get(name)
    if inside is not None:
        if not stage or ":" in inside or inside in known or inside not in _registered(""):
            return ""
        return (
            f"cannot be used here: [providers.{name}] is {inside}, which is no {of_stage}; "
            f"choose one of: {', '.join(known)}"
        )
    if name in known:
        return ""
    choices = f"one of: {', '.join((*known, *instances))}, or package.module:factory"
    planned = [p for s in STAGES if stage in ("", s) for p in PLANNED_PROVIDERS[s]]
    if name in planned:
        return f"is not available yet; choose {choices}"
    if stage and name in _registered(""):
        return f"is no {of_stage}; choose {choices}"
    hint = did_you_mean(name, (*known, *instances))
    return f"is not a known {of_stage}{hint or ';'} {'Choose' if hint else 'choose'} {choices}"
