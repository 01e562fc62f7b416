"""A provider's name in the settings -> the opened provider, with whatever it wraps, to any depth."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from assistant.config import Settings, circle, options_for, parse_choice
from assistant.ports import ParleyError, Stage
from providers import registry
from providers._links import OnFailure
from providers._wrapping import Around, Leaf, Tell

INFORMED = "offline"
"""The chat model that is told what it may promise and what is set: others would not know the options."""


@dataclass(frozen=True)
class Opening:
    """How the providers of one stage are opened. It is the option ``open`` of those that wrap others."""

    settings: Settings
    stage: Stage
    on_failure: OnFailure
    tell: Tell = lambda stage, what, more: None
    """Both given to wrappers."""
    phrases: Sequence[str] = ()
    """What will surely be said. Given to wrappers of voices."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """Options for `INFORMED`, where the config does not say otherwise."""
    always: tuple[Around, ...] = ()
    """Put around every leaf, the first innermost."""
    around: Around | None = None
    """Put around those, unless a wrapper asks for something else."""
    above: tuple[str, ...] = ()
    """The names that led here."""

    @asynccontextmanager
    async def __call__(self, name: str, around: Around | None = None) -> AsyncIterator[Any]:
        """See `providers._wrapping.Open`."""
        async with self._opened(name, around or self.around) as provider:
            yield provider

    def _opened(self, name: str, around: Around | None) -> AbstractAsyncContextManager[Any]:
        known, _ = parse_choice(name)
        if known in self.above:
            raise ParleyError(f"{self.stage}: {circle(self.above, known)}")
        registered, options = options_for(self.settings, self.stage, name)
        factory = registry.find(self.stage, registered)
        if registry.wraps(self.stage, registered):
            inner = replace(self, around=around, above=(*self.above, known))
            given: dict[str, Any] = {"open": inner, "on_failure": self.on_failure, "tell": self.tell}
            if self.stage == "tts":
                given["phrases"] = self.phrases
            return factory({**options, **given})
        if self.stage == "llm" and registered == INFORMED:
            options = {**self.told, **options}
        opened = factory(options)
        for each in (*self.always, *((around,) if around is not None else ())):
            opened = each(opened, Leaf(self.stage, registered, options, known))
        return opened
