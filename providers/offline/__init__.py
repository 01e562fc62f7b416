"""The assistant that needs nothing: no network, no model, no key. One skill a file; `model` puts them together."""

from providers.offline.model import chat_model

__all__ = ["chat_model"]
