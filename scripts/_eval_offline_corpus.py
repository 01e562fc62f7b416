"""What `scripts/eval_offline` listens to: requests and other speech, rendered in synthetic voices, and real recordings.

The voices are split before anything is tuned: thresholds and weights are chosen on TUNING, figures are told of HELD_OUT.
Real recordings are split by file, and the sentences that no skill understands by their place in the list, so that
nothing that is tested was tuned on, but for the wording of the usual requests.
"""

from __future__ import annotations

import csv
import hashlib
import random
import shutil
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from assistant.audio.resample import Resampler
from assistant.ports import CAPTURE_RATE, Samples
from providers.offline import grammar
from providers.offline.model import SKILLS

CACHE = Path(platformdirs.user_cache_dir("parley")) / "eval_offline"
LEAD, TAIL = 0.45, 0.13
"""Seconds around the speech: what the session's pre-roll and its pause give a transcriber."""
TOOLS = ("flite", "espeak-ng")


@dataclass(frozen=True, slots=True)
class Voice:
    tool: str
    name: str
    stretch: float = 1.0
    """Of the duration."""
    size: float = 1.0
    """Of the vocal tract, by resampling: below 1 a smaller, higher voice."""


TUNING = (
    Voice("flite", "slt"),
    Voice("flite", "slt", 1.15, 1.06),
    Voice("flite", "slt", 0.9, 0.94),
    Voice("flite", "kal16"),
    Voice("flite", "kal16", 0.95, 0.93),
    Voice("flite", "kal16", 1.1, 1.05),
    Voice("espeak-ng", "en-us"),
    Voice("espeak-ng", "en-us+f3", 1.1),
    Voice("espeak-ng", "en-us+m3", 1.1),
    Voice("espeak-ng", "en-gb", 1.1),
    Voice("espeak-ng", "en-gb+f1", 1.15),
    Voice("espeak-ng", "en-gb-x-gbclan+m2", 1.15),
)
HELD_OUT = (
    Voice("flite", "awb"),
    Voice("flite", "awb", 1.15),
    Voice("flite", "rms"),
    Voice("flite", "rms", 0.9),
    Voice("espeak-ng", "en-us+f4", 1.1),
    Voice("espeak-ng", "en-us-nyc", 1.1),
    Voice("espeak-ng", "en-us+m7", 1.05),
    Voice("espeak-ng", "en-gb-x-rp+f2", 1.15),
)

USUAL = (
    "what time is it", "what's the time", "what is the time", "tell me the time", "what's the date today",
    "what is the date", "what day is it today", "what day is it", "what month is it", "is it friday today",
    "set a timer for five minutes", "set a timer for ten minutes", "set a timer for thirty seconds",
    "set a pasta timer for eight minutes", "start a timer for an hour", "set a timer for one hour and twenty minutes",
    "set a five minute timer", "remind me in ten minutes", "how much time is left", "how much time is left on the timer",
    "cancel the timer", "stop the timer", "cancel all timers", "cancel my timer", "set an alarm for seven o'clock",
    "set an alarm for half past six", "wake me up at seven thirty", "wake me up at six in the morning",
    "set an alarm for eight tomorrow morning", "cancel the alarm", "turn off the alarm", "when is my alarm",
    "what is seven times eight", "what's two plus two", "what is twelve minus five", "what is a hundred divided by four",
    "what is fifteen percent of eighty", "what is the square root of nine", "how much is six times nine",
    "what's twenty plus thirty", "what is half of fifty", "tell me a joke", "tell me another joke", "tell me a funny joke",
    "another one", "make me laugh", "do you know any jokes", "tell me a story", "tell me another story",
    "tell me a bedtime story", "read me a story", "how many cups in a liter", "how many ounces are in a pound",
    "how many feet are in a mile", "convert ten miles to kilometers", "how many grams are in a pound",
    "what is twenty degrees celsius in fahrenheit", "how many seconds are in an hour", "how many days are in a year",
    "louder", "quieter", "speak louder", "speak a little louder", "turn the volume up", "turn it down", "volume up",
    "slower", "faster", "speak slower", "speak a little faster", "slow down", "speed up", "stop", "stop talking",
    "be quiet", "never mind", "that's enough", "goodbye", "bye", "bye bye", "good night", "see you later", "that's all",
    "thank you", "thank you very much", "thanks", "hello", "hello there", "hi", "good morning", "good evening",
    "how are you", "how are you today", "what's your name", "what is your name", "who are you", "what can you do",
    "what can i ask you", "help", "help me", "repeat that", "say that again", "please repeat that", "what did you say",
    "please tell me a joke", "hey parley what time is it", "stop please", "what time is it please",
)  # fmt: skip
"""What people say to such an assistant; half of the requests. The other half is drawn from the grammar."""

OTHER = (
    "turn off the lights in the kitchen", "play some music", "who is the president of france", "what is the weather like",
    "will it rain tomorrow", "call my mother", "send a message to john", "how tall is the eiffel tower",
    "i am going to the shops later", "did you see the game last night", "the cat is sitting on the table",
    "could you open the window", "what are we having for dinner", "i do not think so", "maybe we should leave now",
    "he said he would be here by noon", "where did i put my keys", "that was a really good film",
    "pass me the salt", "my brother lives in another city", "the meeting starts after lunch", "order a large pizza",
    "how do i get to the station", "what is the capital of germany", "read the news", "turn on the television",
    "is the shop still open", "we need more milk and eggs", "she bought a new bicycle yesterday",
    "what do you think about football", "the train was late again this morning", "put the book back on the shelf",
    "who wrote this song", "book a table for two people", "i cannot find my glasses", "it is raining cats and dogs",
    "what is the meaning of life", "show me pictures of dogs", "the quick brown fox jumps over the lazy dog",
    "how much does this cost", "when does the next bus come", "add butter to my shopping list", "lock the front door",
    "what time does the shop close", "what is the name of this song", "set the table for five", "tell me a secret",
    "tell me about the moon", "how many people live in london", "how long does it take to boil an egg",
    "set the heating to twenty degrees", "start the dishwasher", "cancel my subscription", "stop the car over there",
    "what is the best restaurant in town", "wake up the children", "remind me to buy bread", "turn the page",
    "who is your favourite singer", "good luck with your exam", "thank your sister for me", "say hello to your father",
    "what did he say about the house", "when is the concert", "how old is your brother", "that is my coat",
    "i said that already", "never say never", "make me a sandwich", "another cup of coffee", "speak to the manager",
    "he drove faster than everyone else", "the volume of the box is small", "it was a good evening for a walk",
    "we stopped at the lights", "the clock on the oven is broken", "half of the cake is gone", "a hundred people came",
    "seven of them were late", "my name is peter", "that old clock is ugly", "time flies when you are having fun",
    "the story was boring", "what is in the box", "how are the children", "is it far from here", "do you know the way",
    "do you have a pen", "hi honey i am home", "good dog", "bicycle", "yesterday", "umbrella", "seventeen apples",
    "computer", "strawberry jam", "orange juice", "the day after", "twenty past", "minutes of the meeting", "a dozen roses",
    "write an email to my boss", "take a picture", "find a good recipe for soup", "what is on television tonight",
    "play the next song", "skip this track", "open the garage", "is there any milk left", "who won the election",
    "translate this into spanish", "spell the word banana", "flip a coin", "roll the dice", "what is my horoscope",
    "do i need a jacket today", "how far away is the sun", "pay the electricity bill", "the neighbours are loud",
    "let us go for a swim", "i would like a glass of water", "the soup needs more salt", "why is the sky blue",
    "we watched a documentary about whales", "her car broke down on the motorway", "he never answers the phone",
    "they are building a new school", "please close the door behind you", "the children are playing outside",
    "i forgot my password", "nobody knows where he went", "there was a fire in the old factory",
    "a thin stripe runs down the middle", "my favourite colour is green", "the museum is closed on mondays",
    "what about the other one", "not on your life", "oh dear", "are you kidding", "you must be joking", "i love you",
    "excuse me where is the bathroom", "how was your holiday", "give me a minute", "look for me", "come over here",
    "look at that", "who is there", "what happened", "tell him to hurry up", "sit down", "leave me alone",
    "the answer is forty two", "two tickets please", "ten of clubs", "five kilometers is a long walk",
    "it takes ten minutes by car", "the bus leaves at half past nine", "meet me at seven", "i woke up at six",
    "he bought three pounds of apples", "a mile is longer than a kilometer", "the year was good for wine",
)  # fmt: skip
"""What no skill answers, some of it made of the requests' own words. Every other sentence is for tuning."""


@dataclass(frozen=True, slots=True)
class Said:
    kind: str
    """"request" (in the grammar), "sentence" (rendered, not in the grammar) or "recording" (real speech)."""
    text: str
    """"" for a recording."""
    voice: str
    sound: Samples
    """16 kHz, with LEAD and TAIL around it and a little noise."""


def missing() -> list[str]:
    """The programs that are needed and not here."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def requests(voices: tuple[Voice, ...], count: int, seed: int) -> Iterator[Said]:
    """``count`` requests, half usual ones and half drawn from the grammar, each skill as often."""
    chance = random.Random(seed)
    usual = list(USUAL)
    chance.shuffle(usual)
    told = [skill for skill in SKILLS if skill.grammar]
    for number in range(count):
        if number % 2:
            text = usual[number // 2 % len(usual)]
        else:
            text = grammar.sentence(told[number // 2 % len(told)].grammar, chance)
        voice = chance.choice(voices)
        yield Said("request", text, _name(voice), _placed(render(voice, text), chance))


def sentences(voices: tuple[Voice, ...], part: int, seed: int) -> Iterator[Said]:
    """Half of OTHER: ``part`` 0 is for tuning, 1 is held out."""
    chance = random.Random(seed)
    for text in OTHER[part::2]:
        voice = chance.choice(voices)
        yield Said("sentence", text, _name(voice), _placed(render(voice, text), chance))


def recordings(folder: Path, part: int, seed: int, most: int) -> Iterator[Said]:
    """Stretches of 1 to 4 s of real English speech, cut at its quietest moments; at most eight from one file."""
    chance = random.Random(seed)
    with (folder / "INDEX.tsv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["language"] == "en"]
    names = sorted({row["path"] for row in rows if row["path"].endswith(".wav")})
    found = [
        Said("recording", "", name.split("/")[0], _placed(piece, chance))
        for name in names[part::2]
        for piece in _pieces(_read(folder / name), chance)[:8]
    ]
    chance.shuffle(found)
    yield from found[:most]


def render(voice: Voice, text: str) -> Samples:
    """``text`` in ``voice`` at 16 kHz; kept in CACHE."""
    key = hashlib.sha256(repr((voice, text)).encode()).hexdigest()[:24]
    path = CACHE / f"{key}.wav"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        if voice.tool == "flite":
            stretch = f"duration_stretch={voice.stretch / voice.size:.3f}"
            command = ["flite", "-voice", voice.name, "--setf", stretch, "-t", text, "-o", str(part)]
        else:
            speed = str(round(165 / voice.stretch))
            command = ["espeak-ng", "-v", voice.name, "-s", speed, "-w", str(part), text]
        subprocess.run(command, check=True, capture_output=True)
        part.rename(path)
    return _read(path, voice.size)


def _read(path: Path, size: float = 1.0) -> Samples:
    """A WAV file as mono at 16 kHz, made longer by ``size``."""
    try:
        with wave.open(str(path)) as file:
            if file.getsampwidth() != 2:
                return np.zeros(0, np.float32)
            rate = file.getframerate() / size
            data = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    except wave.Error:  # a kind of WAV that is not read here
        return np.zeros(0, np.float32)
    sound = data.mean(axis=1).astype(np.float32) / np.float32(32768)
    return sound if rate == CAPTURE_RATE else Resampler(round(rate), CAPTURE_RATE).push(sound, last=True)


def _placed(speech: Samples, chance: random.Random) -> Samples:
    """Silence cut off, its level drawn, LEAD and TAIL put around it, noise 25 to 45 dB below it added."""
    block = CAPTURE_RATE // 100
    levels = np.sqrt(np.mean(speech[: len(speech) // block * block].reshape(-1, block) ** 2, axis=1))
    loud = np.flatnonzero(levels > 0.02 * levels.max())
    speech = speech[loud[0] * block : (loud[-1] + 1) * block]
    peak = 10 ** (chance.uniform(-20, -3) / 20)
    speech = speech * np.float32(peak / np.abs(speech).max())
    sound = np.concatenate([
        np.zeros(int(LEAD * CAPTURE_RATE), np.float32), speech, np.zeros(int(TAIL * CAPTURE_RATE), np.float32)
    ])  # fmt: skip
    power = np.sqrt(np.mean(speech**2)) * 10 ** (-chance.uniform(25, 45) / 20)
    noise = np.random.default_rng(chance.randrange(2**32)).normal(0, power, len(sound))
    placed: Samples = np.clip(sound + noise, -1, 1).astype(np.float32)
    return placed


def _pieces(sound: Samples, chance: random.Random) -> list[Samples]:
    """1 to 4 s long, from quiet moment to quiet moment, without those that are nearly silent."""
    block = CAPTURE_RATE // 50
    levels = np.sqrt(np.mean(sound[: len(sound) // block * block].reshape(-1, block) ** 2, axis=1))
    pieces, start = [], 0
    while start + 50 <= len(levels):
        shortest, longest = start + 50, min(len(levels), start + round(chance.uniform(75, 200)))
        end = (
            shortest + int(np.argmin(levels[shortest : max(longest, shortest + 1)])) if longest > shortest else longest
        )
        piece = levels[start:end]
        if len(piece) and piece.max() > 0.01 and np.mean(piece > 0.1 * levels.max()) > 0.3:
            pieces.append(sound[start * block : end * block])
        start = max(end, start + 1)
    chance.shuffle(pieces)
    return pieces


def _name(voice: Voice) -> str:
    return voice.name
