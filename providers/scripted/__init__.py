"""Providers of known words and known delays, for tests, the demo and the bench.

They are real providers with a name: what they say and when stands in their options. A transcriber's delays count from
its own script's last speech sample (on the audio clock), never from the call, so that a loop which asks late gains or
loses nothing by it.
"""

from __future__ import annotations

from assistant.ports import CAPTURE_RATE
from providers._card import Card, Cards
from providers.scripted import hearing, speaking
from providers.scripted.activity import LoudnessActivity, voice_activity
from providers.scripted.hearing import ScriptedTranscriber, TranscriberOptions, transcriber
from providers.scripted.speaking import ScriptedVoice, VoiceOptions, synthesizer
from providers.scripted.thinking import ScriptedChat, chat_model, tokens

__all__ = [
    "LoudnessActivity",
    "ScriptedTranscriber",
    "ScriptedVoice",
    "VoiceOptions",
    "chat_model",
    "synthesizer",
    "tokens",
    "transcriber",
    "voice_activity",
]

_NOTE = "for tests and timing: knows its part, and what it can do stands in its options"
CARDS: Cards = {
    "stt": Card(hearing.abilities(TranscriberOptions()), rates=(CAPTURE_RATE,), note=_NOTE),
    "llm": Card(ScriptedChat.abilities, note=_NOTE),
    "tts": Card(speaking.abilities(VoiceOptions()), rates=(ScriptedVoice.rate,), note=_NOTE),
}
