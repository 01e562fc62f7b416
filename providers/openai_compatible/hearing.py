"""How a server of OpenAI's older protocol is asked for a transcript."""

from __future__ import annotations

from typing import Any

from providers import _http, _model_list, _remote
from providers._language import primary


class HearingOptions(_remote.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    model: str = ""
    """Empty: the first that the server lists and that hears, by its task or its name."""
    language: str = "auto"
    """A BCP 47 code. Its first part is sent: Whisper knows no regions, and servers reject what they do not know."""
    prompt: str = ""
    words: bool = False
    """Ask for the words' times (``verbose_json``). Groq and speaches have them; many servers do not."""


def fields_of(options: HearingOptions) -> dict[str, Any]:
    """The form's fields beside the file."""
    fields: dict[str, Any] = {"model": options.model, "response_format": "json"}
    if options.words:
        fields |= {"response_format": "verbose_json", "timestamp_granularities": ["word"]}
    fields |= {"language": language} if (language := primary(options.language)) else {}
    fields |= {"prompt": options.prompt} if options.prompt else {}
    return fields


async def listed_model(vendor: _http.Vendor) -> str:
    return _model_list.hearing(await _model_list.listed(vendor)).id
