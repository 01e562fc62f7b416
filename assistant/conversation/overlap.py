"""The user makes a sound over the reply: who has the floor?

Playback is held (or ducked) from the moment an overlap begins until `judge` says what it was. It is asked with every
frame, with every transcript and at the moment that `look_at` names; None means that it cannot be told yet.

``speech``: a voice takes the floor at once. ``words``: the words decide, and while there are none the sound does.

- Words that want an answer take the floor; those of `interjections` wait for a little silence behind them: "right" may
  be the beginning of "right, but ...".
- A noise, or a rest of echo, that has ended gives the floor back at once; so does a hum ("mm-hm") after a moment.
- A voice that goes on without words, because the recogniser tells none while somebody speaks, takes the floor.
- A short sound and nothing after is, most of the time, a sign of listening: the reply goes on, and the transcript is
  still waited for, which may stop it again.
- Whatever is undecided after long enough a silence is none of the user's business to wait for.
- A stop word that was spotted, and that no words contradict, silences the reply at once, and ends it unless its
  transcript says very soon that it was a sign of listening.
- A voice that is plainly not the enrolled one does not take the floor, whatever it says; a stop word is anybody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from assistant.conversation.interjections import agrees, meant
from assistant.conversation.sounding import Kind, Sounding, Summary, certainly_noise, kind_of, summed_up

__all__ = ["BargeIn", "Evidence", "OverlapKind", "OverlapRules", "Reason", "Verdict", "goes_on", "judge", "look_at"]

OverlapKind = Literal["floor", "stop", "backchannel", "noise", "echo"]
Reason = Literal["noise", "backchannel", "echo", "timeout"]
BargeIn = Literal["off", "speech", "words"]


@dataclass(frozen=True, slots=True)
class OverlapRules:
    """Seconds."""

    ended: float = 0.15
    """Of silence behind a noise: a cough has two halves, and so has "be quiet"."""
    echo_ended: float = 0.06
    """The same behind a rest of echo: it must not be noticed that there was a hold."""
    forgotten: float = 0.5
    """Of silence behind what is certainly no voice, after which no word is waited for any more."""
    wordless: float = 0.4
    """After the pause, while the voice goes on and no word has come: a voice is believed without from then on ..."""
    more: float = 0.2
    """... if there is so much more of it. A slow "okay" is over by then, for all that it was noticed within 0.1 s."""
    partials: float = 0.3
    """More of it, where a recogniser is known to tell words while somebody speaks: they are on their way."""
    settled: float = 0.25
    """Of silence behind a stop word, a word or a hum of listening, before it was one."""
    final_settled: float = 0.1
    """The same once the transcript is final."""
    spoken: float = 0.18
    """A voice that was over sooner has said no word, whatever a recogniser makes of it: a rest of echo, most likely."""
    backchannel: float = 1.0
    """A voice that lasts longer than this is none."""
    humming: float = 0.8
    """A hum that lasts longer is a voice without words like any other."""
    short: float = 0.75
    """A voice that has no words yet and lasted no longer most likely is one ..."""
    lone: float = 0.4
    """... if so much silence is behind it."""
    undecided: float = 0.7
    """Of silence, after which the reply goes on in any case."""
    doubted: float = 0.7
    """After a stop word was spotted, in which its transcript may say that it was a sign of listening."""
    late: float = 1.5
    """Of silence, after which a transcript that has not come does not matter any more."""
    whose: float = 0.0
    """After the hold, while the voice goes on and nobody has told whose it is, before it takes the floor."""
    endless: float = 60.0
    """Of a noise that does not end, after which it is listened to no longer."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of an overlap at ``at``. Times are audio-clock seconds."""

    at: float
    since: float
    """The first voiced sample."""
    held_at: float
    """When playback was held, or the voice came again."""
    held: bool = True
    """It still is."""
    quiet_since: float | None = None
    """The last voiced sample; None while there is voice."""
    text: str | None = None
    """The newest transcript of it; None while there is none."""
    stale: bool = False
    """It is over, and the voice came again since what that transcript is of."""
    final: bool = False
    """It is one of all the sound so far."""
    provisional: bool = False
    """A better one is on its way."""
    understood: bool = True
    """False for a final that heard speech and no words that it knows."""
    failed: bool = False
    """No transcript will come."""
    partials: bool = False
    """The recogniser is known to tell words while somebody speaks."""
    language: str | None = None
    frames: Sequence[Sounding] = ()
    """What its frames sound like, as far as somebody measured them."""
    spotted: str | None = None
    """A stop word that was spotted in it, and no voice has come since."""
    hushed_at: float | None = None
    """When the reply was silenced for a stop word."""
    other_speaker: bool | None = None
    """The voice is plainly not the enrolled one; None: not told."""

    @property
    def told(self) -> str | None:
        """The words that count: those of all of it, or of so much that more words would change nothing. "Right" is not
        believed before the rest of it is known."""
        if not self.text or (self.stale and meant(self.text, self.language) != "floor"):
            return None
        return self.text

    @property
    def voice(self) -> float:
        return (self.at if self.quiet_since is None else self.quiet_since) - self.since

    @property
    def silence(self) -> float:
        return 0.0 if self.quiet_since is None else self.at - self.quiet_since

    @property
    def sound(self) -> Kind:
        """What it sounds like; a voice where nobody measured."""
        return "voice" if not self.frames else kind_of(self.summary)

    @property
    def summary(self) -> Summary | None:
        end = self.at if self.quiet_since is None else self.quiet_since
        return summed_up([one for one in self.frames if self.since < one.end <= end + FRAME])


@dataclass(frozen=True, slots=True)
class Verdict:
    kind: OverlapKind
    reason: Reason | None = None
    """Why the reply goes on; None where it does not."""
    sure: bool = True
    """False: the transcript may still say otherwise. Until then the reply goes on; after a stop word it is silent."""


ECHOING = 3.0
"""dB that the canceller takes off a frame in which there is any echo worth the name."""
ALIVE, LOST = 0.6, 10.0
"""A frame with such a probability, of which the canceller took less than so many dB, holds a voice, no rest of echo."""
ALIVE_FRAMES, HUSHED = 2, 3
"""So many of those after the hold make a user, and after so many frames without them it was an echo: with the
loudspeaker silent that dies away, and a user is all the clearer."""
BACK, BACK_FRAMES = 0.8, 3
"""The probability that so many frames in a row must have for a sound that goes on to hold the reply once more."""
SURELY = 16
"""So many in a row, half a second, and the detector is believed over the weights."""

FLOOR, STOP = Verdict("floor"), Verdict("stop")
SPOTTED = Verdict("stop", sure=False)
"""The reply is silent at once. Of one that is silent already it says that it is over; but what was spotted may be the
beginning of more, or something else after all."""


def judge(barge_in: BargeIn, evidence: Evidence, rules: OverlapRules | None = None) -> Verdict | None:
    """What the overlap is, or None while it cannot be told."""
    if barge_in == "off":
        return None
    if barge_in == "speech":
        return FLOOR
    rules = rules or OverlapRules()
    if evidence.hushed_at is not None:
        return _doubted(evidence, evidence.hushed_at, rules)
    if evidence.other_speaker:
        return _not_theirs(evidence, rules)
    if _stops(evidence):
        return SPOTTED
    verdict = _judge(evidence, rules)
    return None if verdict == FLOOR and _waits_for_whose(evidence, rules) else verdict


def _doubted(evidence: Evidence, hushed_at: float, rules: OverlapRules) -> Verdict | None:
    """The reply is silent for a stop word that was spotted. It goes on in one case alone: a transcript of all that was
    said is there in time and is a sign of listening. Whoever spoke on meanwhile wanted it to end."""
    if evidence.spotted is None or evidence.failed:
        return SPOTTED
    words = evidence.told
    if words and not agrees(words, evidence.spotted, evidence.language):
        if meant(words, evidence.language) != "backchannel":
            return FLOOR
        if evidence.final and not evidence.provisional:
            return Verdict("backchannel", "backchannel")
    elif evidence.final:
        return SPOTTED
    return SPOTTED if evidence.at >= hushed_at + rules.doubted - _SAME else None


def _waits_for_whose(evidence: Evidence, rules: OverlapRules) -> bool:
    """It is not told yet, and may be: the voice goes on, or is between two words. After a longer silence the time runs
    anew, for there is no more of a voice in it; but not for ever."""
    if evidence.other_speaker is not None or evidence.silence >= rules.settled - _SAME:
        return False
    return evidence.at < min(evidence.held_at + rules.whose, evidence.since + 2 * rules.whose) - _SAME


def _judge(evidence: Evidence, rules: OverlapRules) -> Verdict | None:
    if not evidence.held:
        return _judge_late(evidence, rules)
    if evidence.told and evidence.sound != "echo" and not _too_short(evidence, rules):
        return _by_words(evidence, evidence.told, rules)
    if _dies_away(evidence):
        return Verdict("echo", "echo", sure=False)
    if evidence.quiet_since is None:
        return _while_it_sounds(evidence, rules)
    return _behind_it(evidence, rules)


def look_at(evidence: Evidence, rules: OverlapRules | None = None) -> float | None:
    """When to ask again if nothing happens meanwhile; None: only what happens can change the answer."""
    rules = rules or OverlapRules()
    if evidence.quiet_since is not None:
        soon = (rules.echo_ended, rules.final_settled, rules.ended, rules.settled, rules.lone)
        looks = [evidence.quiet_since + wait for wait in (*soon, rules.forgotten, rules.undecided, rules.late)]
    else:
        since = evidence.since
        looks = [
            *(evidence.held_at + w for w in (_wordless(evidence, rules), rules.whose)),
            *(since + w for w in (rules.humming, rules.backchannel, 2 * rules.whose, rules.endless)),
        ]
    if evidence.hushed_at is not None:
        looks.append(evidence.hushed_at + rules.doubted)
    return min((at for at in looks if at > evidence.at + _SAME), default=None)


def goes_on(frames: Sequence[Sounding], count: int = BACK_FRAMES) -> bool:
    """What was taken for an echo or a noise turns out to be a voice: ``count`` frames in a row are certain."""
    newest = frames[-count:]
    return len(newest) == count and all(one.probability >= BACK and one.taken < LOST for one in newest)


def _dies_away(evidence: Evidence) -> bool:
    before = [one for one in evidence.frames if one.end <= evidence.held_at + _SAME]
    after = evidence.frames[len(before) :]
    echoing = any(one.taken >= ECHOING for one in before[-BACK_FRAMES:])
    alive = sum(one.probability >= ALIVE and one.taken < LOST for one in after)
    return echoing and len(after) >= HUSHED and alive < ALIVE_FRAMES


def _stops(evidence: Evidence) -> bool:
    """A stop word was spotted, and nothing speaks against it."""
    spotted = evidence.spotted
    if spotted is None or evidence.sound == "echo":
        return False
    return agrees(evidence.told or "", spotted, evidence.language)


def _too_short(evidence: Evidence, rules: OverlapRules) -> bool:
    """It is over, and was too short for a word."""
    return evidence.quiet_since is not None and evidence.voice < rules.spoken


def _not_theirs(evidence: Evidence, rules: OverlapRules) -> Verdict | None:
    """The reply goes on, and it is watched until it ends: the user may speak up in it. A stop word and nothing else
    stops it, whoever says it: better to fall silent for a television than not to fall silent for a user."""
    settled = evidence.silence >= (rules.final_settled if evidence.final else rules.settled) - _SAME
    alone = rules.spoken <= evidence.voice <= rules.backchannel  # what lasts longer holds more than that, or is none
    worded = evidence.told if settled and alone else None
    if worded and meant(worded, evidence.language) == "stop":
        return STOP
    if evidence.held:
        return Verdict("noise", "noise", sure=False)
    ended = evidence.silence >= rules.forgotten - _SAME or evidence.voice >= rules.endless
    return Verdict("noise", "noise") if ended else None


def _by_words(evidence: Evidence, words: str, rules: OverlapRules) -> Verdict | None:
    said = meant(words, evidence.language)
    if said == "floor" or evidence.voice > rules.backchannel:
        return FLOOR
    silence = rules.final_settled if evidence.final else rules.settled
    if evidence.quiet_since is None or evidence.silence < silence - _SAME:
        return None
    if said == "open":
        return FLOOR
    return STOP if said == "stop" else Verdict("backchannel", "backchannel")


def _while_it_sounds(evidence: Evidence, rules: OverlapRules) -> Verdict | None:
    long = evidence.voice > rules.backchannel - _SAME
    if not long and evidence.at < evidence.held_at + _wordless(evidence, rules) - _SAME:
        return None
    sound = evidence.sound
    if sound == "echo" or sound == "noise":  # it has not ended, and does not get the floor: what comes after it may
        return None if not long else FLOOR if goes_on(evidence.frames, SURELY) else Verdict(sound, sound, sure=False)
    return None if sound == "hum" and evidence.voice <= rules.humming else FLOOR


def _wordless(evidence: Evidence, rules: OverlapRules) -> float:
    return rules.wordless + (rules.partials if evidence.partials else rules.more)


def _behind_it(evidence: Evidence, rules: OverlapRules) -> Verdict | None:
    sound, silence = evidence.sound, evidence.silence + _SAME
    if sound == "echo" and silence >= rules.echo_ended:
        return Verdict("echo", "echo", sure=evidence.final or evidence.failed)
    if sound == "noise" and silence >= rules.ended:
        return Verdict("noise", "noise", sure=evidence.final or evidence.failed)
    if evidence.final and evidence.understood and silence >= rules.ended:
        return Verdict("noise", "noise")  # whoever knows words heard none
    if evidence.voice > rules.backchannel:
        return FLOOR
    sure = evidence.final or evidence.failed or silence >= rules.late
    if sound == "hum" and silence >= rules.settled:
        return Verdict("backchannel", "backchannel", sure)
    if evidence.voice <= rules.short and silence >= rules.lone:
        return Verdict("backchannel", "backchannel", sure)
    if silence >= rules.undecided:
        return Verdict("noise", "timeout", sure)
    return None


def _judge_late(evidence: Evidence, rules: OverlapRules) -> Verdict | None:
    """The reply goes on already; the words may come yet."""
    if evidence.quiet_since is None and evidence.voice >= rules.endless:
        return Verdict("noise", "noise")
    if evidence.told and not _too_short(evidence, rules):
        said = meant(evidence.told, evidence.language)
        if said == "floor" or said == "open":
            return FLOOR
        return STOP if said == "stop" else Verdict("backchannel", "backchannel")
    forgotten = evidence.silence >= rules.forgotten - _SAME and bool(evidence.frames)
    forgotten = forgotten and certainly_noise(evidence.summary)
    if forgotten or evidence.final or evidence.failed or evidence.silence >= rules.late - _SAME:
        sound = evidence.sound
        if sound == "echo" or sound == "noise":
            return Verdict(sound, sound)
        return Verdict("backchannel", "backchannel") if evidence.voice <= rules.short else Verdict("noise", "noise")
    return None


FRAME = 0.032
"""Seconds."""
_SAME = 0.0005
"""Seconds: what is this close has come."""
