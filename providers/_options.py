"""Options from the config -> a provider's own frozen options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from assistant.ports import ParleyError

T = TypeVar("T")


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds. What ``[timeouts]`` in the config says; handed to every provider under the option ``timeouts``."""

    connect: float = 3.0
    first_byte: float = 8.0
    gap: float = 5.0


def read(kind: type[T], options: Mapping[str, Any], provider: str) -> T:
    """Check ``options`` against ``kind``, a frozen msgspec.Struct (make it ``forbid_unknown_fields=True``).

    Raises ParleyError naming the option and what is wrong with it; values are not shown, since they may be secrets.
    """
    try:
        return msgspec.convert(dict(options), kind, strict=True)
    except msgspec.ValidationError as error:
        raise ParleyError(f"{provider}: {error}") from error
