"""The assistant that needs nothing: no network, no model, no key. One skill a file; `model` puts them together."""

from assistant.ports import ChatAbilities
from providers._card import Card, Cards
from providers.offline.model import chat_model

__all__ = ["CARDS", "chat_model"]

CARDS: Cards = {"llm": Card(ChatAbilities(), note="timers, sums, jokes and the like; English alone")}
