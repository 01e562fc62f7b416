"""A small byte-level vocabulary in Whisper's order: text, the special tokens, the timestamps.

What CTranslate2 4.8 and faster-whisper 1.2 demand of it, beyond the order:
- a model is multilingual only if its vocabulary holds the empty string;
- the timestamps come last, with ``<|notimestamps|>`` right before ``<|0.00|>``;
- all 256 bytes are tokens, since faster-whisper encodes symbols that no phrase has;
- faster-whisper suppresses the first token of " -", " '" and " ♪"; without merges for them that would be the space.
"""

from __future__ import annotations

import json
from pathlib import Path

from phrases import ENGLISH, FOREIGN
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

LANGUAGES = [
    "en", "zh", "de", "es", "ru", "ko", "fr", "ja", "pt", "tr", "pl", "ca", "nl", "ar", "sv", "it", "id", "hi",
    "fi", "vi", "he", "uk", "el", "ms", "cs", "ro", "da", "hu", "ta", "no", "th", "ur", "hr", "bg", "lt", "la",
    "mi", "ml", "cy", "sk", "te", "fa", "lv", "bn", "sr", "az", "sl", "kn", "et", "mk", "br", "eu", "is", "hy",
    "ne", "mn", "bs", "kk", "sq", "sw", "gl", "mr", "pa", "si", "km", "sn", "yo", "so", "af", "oc", "ka", "be",
    "tg", "sd", "gu", "am", "yi", "lo", "uz", "fo", "ht", "ps", "tk", "nn", "mt", "sa", "lb", "my", "bo", "tl",
    "mg", "as", "tt", "haw", "ln", "ha", "ba", "jw", "su",
]  # fmt: skip
"""In the order of the real multilingual vocabulary."""
SPECIALS = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{language}|>" for language in LANGUAGES),
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
]
TIMESTAMPS = 1501
SPACE = "Ġ"
"""How byte-level vocabularies write the space."""


class Tokens:
    """Text tokens 0 .. n_text - 2, the empty string n_text - 1, then SPECIALS, then the timestamps."""

    def __init__(self) -> None:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        tokenizer.decoder = decoders.ByteLevel()
        lines = [" " + phrase for phrase in ENGLISH]
        lines += [" " + phrase for phrases in FOREIGN.values() for phrase in phrases]
        lines += [" -", " '", " â"] * 50
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=4000, min_frequency=1, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(lines, trainer)
        file = json.loads(tokenizer.to_str())
        vocabulary, merges = file["model"]["vocab"], file["model"]["merges"]
        if f"{SPACE}â" not in vocabulary:  # byte 0xE2, the first of "♪"
            vocabulary[f"{SPACE}â"] = len(vocabulary)
            merges.insert(0, [SPACE, "â"])
        self.n_text = len(vocabulary) + 1
        for index, special in enumerate(SPECIALS):
            vocabulary[special] = self.n_text + index
        file["added_tokens"] = [
            {
                "id": vocabulary[special],
                "content": special,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for special in SPECIALS
        ]
        file["post_processor"] = None
        self._file = json.dumps(file, ensure_ascii=False, separators=(",", ":"))
        self._tokenizer = Tokenizer.from_str(self._file)
        self.timestamp = self.n_text + len(SPECIALS)
        """The id of ``<|0.00|>``."""

    def id(self, token: str) -> int:
        found = self._tokenizer.token_to_id(token)
        assert found is not None, token
        return int(found)

    def text(self, token: int) -> str:
        return str(self._tokenizer.id_to_token(token))

    def words(self, text: str) -> list[list[int]]:
        """The tokens of each word."""
        return [self._tokenizer.encode(" " + word).ids for word in text.split()]

    def vocabulary(self) -> list[str]:
        """All tokens in their order, as vocabulary.json holds them."""
        text = [self.text(index) for index in range(self.n_text - 1)]
        return [*text, "", *SPECIALS, *(f"<|{index * 0.02:.2f}|>" for index in range(TIMESTAMPS))]

    def save(self, path: Path) -> None:
        path.write_text(self._file, encoding="utf-8")
