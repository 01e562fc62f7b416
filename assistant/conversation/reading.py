"""Does an English text read as something finished? Judged by its last words and the form of its last sentence.

Many recognisers give no punctuation while they stream, and others put a stop after everything: so words count first. Of
text in another language only the punctuation is judged.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from assistant.conversation.wordlist import listed

__all__ = ["Reads", "judge"]

RECENT = 160
"""Characters from the end in which the language is guessed and a number that is read out is looked for."""


class Reads(Enum):
    COMPLETE = auto()  # a question, an order, an answer, a sentence with its mark
    PROBABLY = auto()  # the form of a sentence, but nothing marks its end
    UNKNOWN = auto()
    NUMBER = auto()  # a number or a spelling is being read out
    OPEN = auto()  # something must follow


_WORD = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*'?")
_SENTENCE_END = re.compile(r"[.?!](?=\s+\S)")
_TERMINAL = frozenset(".?!。！？｡।॥؟۔")
_CONTINUING = frozenset(",;:-–—…、，；：")

_DANGLING = listed(
    "and or but nor because cause if when while although though than whether unless until since to of for with from "
    "at by into onto about between without through during against via per near behind toward towards among under "
    "beneath beside despite except like as a an the my your our their its every each some any another i we they he "
    "she i'm you're we're they're he's she's it's that's there's here's what's where's who's let's i'd i'll i've "
    "you'd we'd we'll you'll they'll is are was were am be been being will would can could should shall might must "
    "has have had having do does did gonna wanna gotta isn't aren't wasn't won't wouldn't can't couldn't shouldn't "
    "don't doesn't didn't haven't hasn't very really quite which whose where what who how why um uh uhm umm ehm er "
    "erm em hmm hm mm well so also maybe perhaps actually basically just not only even called named"
)
"""Nobody means to end with these, save in the forms that ``_closes`` knows."""
_PREPOSITIONS = listed("to of for with from at by into about like through against near under in on between")
_AUXILIARIES = listed(
    "is are was were am will would can could should shall might must has have had do does did be been"
)
_NEGATED = listed("isn't aren't wasn't won't wouldn't can't couldn't shouldn't don't doesn't didn't haven't hasn't not")
_QUESTION = listed(
    "what who where when why how which whose whom what's who's where's when's how's whats whos wheres hows"
)
_ASKING = listed(
    "is are was were am will would can could should shall may do does did have has had isn't aren't don't doesn't "
    "didn't can't couldn't won't wouldn't"
)
_PARTICLES = listed("in on")
_TRANSITIVE = listed("turn switch put look pick set find figure write call hang take throw bring give work point check")
_AFTER_TRANSITIVE = listed("on off up down out in over away back")
_PRONOUNS = listed("i you we they he she it")
_ORDERS = listed(
    "turn set play stop start pause open close show tell give read call send remind add remove delete make create "
    "find search look switch put take go come wait help explain describe repeat say sing count translate define "
    "convert calculate write list book order buy cancel change increase decrease raise lower mute unmute skip resume "
    "continue please let check schedule snooze dim lock unlock bring get keep try move remember forget ask answer "
    "name suggest recommend compare summarize spell roll flip pick choose leave"
)
_OBJECTS_WANTED = listed(
    "play set open close show tell give read call send remind add make find put take turn switch translate"
)
_NEEDS_MORE = (
    "my name is", "my number is", "i want", "i need", "i would like", "i'd like", "i'm looking", "i was wondering",
    "tell me", "show me", "give me", "remind me", "send me", "call me", "let me", "help me to", "can you please",
    "could you please", "would you please", "can i please", "please can", "please could", "do you know", "did you know",
    "i think", "i mean", "you know", "sort of", "kind of", "in order", "a lot of", "how much", "how many", "what kind",
    "what time", "what if", "how about", "what about", "how do", "even though", "as well as", "such as", "and then",
    "the first", "the next", "the other", "going to", "want to", "have to", "need to", "trying to", "i guess", "i said",
)  # fmt: skip
"""Nothing ends with these when it is not a question: what was announced is still to come."""
_ANSWERS = listed(
    "yes yeah yep yup no nope nah okay ok sure stop cancel pause continue resume next previous back thanks please "
    "hello hi hey bye goodbye right correct wrong exactly absolutely definitely certainly nothing enough never always "
    "sometimes maybe perhaps both neither either none everything anything one's true false agreed done great good "
    "fine perfect cool nice wow awesome sorry pardon repeat again louder quieter faster slower help quiet silence "
    "mute snooze today tomorrow yesterday tonight now later"
)
_PHRASES = frozenset((
    "thank you", "thank you very much", "never mind", "that's all", "that's it", "that is all", "that is it",
    "of course", "of course not", "i don't know", "i do", "i don't", "i am", "i'm not", "i can't", "i can",
    "i will", "i won't", "i did", "i have", "i see", "i'm not sure", "not sure", "i'm sure", "go on", "go ahead",
    "come on", "hold on", "carry on", "shut up", "no thanks", "no thank you", "yes please", "good morning",
    "good night", "good evening", "good afternoon", "see you", "see you later", "not yet", "not really",
    "not at all", "i think so", "i hope so", "i guess so", "i hope not", "i think not", "why not", "not now",
    "maybe not", "probably not", "certainly not", "absolutely not", "definitely not", "me too", "me neither",
    "so do i", "so am i", "let's go", "sounds good", "all right", "all of them", "what", "why", "who", "how",
    "where", "when", "how so", "how come", "what for", "where to", "where from", "who with", "what's that",
    "what is it", "what's up", "excuse me", "say again", "say that again", "one moment", "just a moment",
    "well done", "very well", "it is", "it isn't", "you too", "i see what you mean", "as well", "i'm here",
    "i'm fine", "i'm good", "i'm done", "start over", "you are",
))  # fmt: skip
_FOREIGN = listed(
    "der die das und ist nicht ich du wir ihr mit auf für von zu den dem ein eine einen wie was wo bitte mir mich le "
    "les des est et une un je tu nous vous pas que qui dans pour avec sur quel quelle quoi où au aux ce cette moi el "
    "los las es y una yo tú nosotros que qué en para con por cómo dónde cuál del lo mi por favor hola está il gli che "
    "di e sono non per un una come dove quale della nel os da em uma não você para com como onde qual o het een en is "
    "van ik je niet met voor wat waar hoe op dat"
)
_ENGLISH = listed(
    "come the a i you is are was to of and in it that my me what how can do for on with this have be your not at will "
    "would could please we he she they if so no yes there tell an or but from about all just know like get go when "
    "where who why"
)

_OPENINGS = listed("okay ok hey please so well and now then oh um uh")
"""They may stand before any sentence."""
_DIGITS = listed("zero oh one two three four five six seven eight nine double triple")
_NUMBERS = listed(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty "
    "seventy eighty ninety hundred thousand million"
)
_DICTATED = listed(
    "number code pin phone card account zip postcode postal serial password id extension dial digits reference"
)


def judge(text: str, language: str | None = None) -> Reads:
    """How the text reads that the user has said so far. ``language``: BCP 47 code; None: guessed from the words."""
    text = text.strip()
    mark = text.rstrip("\"'”’)]» ")[-1:]
    if text.endswith(("...", "…")) or mark in _CONTINUING:
        return Reads.OPEN
    ended = mark in _TERMINAL
    words = _words(text[-RECENT:])
    if not _is_english(words, language):
        return Reads.COMPLETE if ended else Reads.UNKNOWN
    if not words:
        return Reads.UNKNOWN
    if _is_read_out(words[-12:]):
        return Reads.NUMBER
    sentence = _words(_SENTENCE_END.split(text)[-1]) if len(text) > RECENT or _SENTENCE_END.search(text) else words
    phrase = " ".join(sentence)
    if phrase in _PHRASES or (len(sentence) == 1 and sentence[0] in _ANSWERS):
        return Reads.COMPLETE
    asked = mark == "?" and (len(sentence) > 3 or sentence[0] in _QUESTION)
    if not asked and phrase.endswith(_NEEDS_MORE) and _from_word(phrase):
        return Reads.OPEN
    while len(sentence) > 2 and sentence[0] in _OPENINGS:
        sentence = sentence[1:]
    asks = sentence[0] in _QUESTION or (len(sentence) > 1 and sentence[0] in _ASKING)
    if _dangles(sentence, asks):
        return Reads.OPEN
    if ended:
        return Reads.COMPLETE
    return _unmarked(sentence, asks)


def _unmarked(sentence: list[str], asks: bool) -> Reads:
    """Text without a mark at its end, whose last word could be the last."""
    if all(word in _ANSWERS for word in sentence):
        return Reads.COMPLETE
    if len(sentence) == 1:
        number = sentence[0] in _DIGITS or sentence[0] in _NUMBERS or sentence[0].isdecimal()
        return Reads.COMPLETE if number else Reads.UNKNOWN
    if all(word in _DIGITS or word in _NUMBERS or word.isdecimal() for word in sentence):
        return Reads.COMPLETE
    if sentence[-1] in _DANGLING or sentence[-1] in _PARTICLES or (sentence[-1] == "please" and len(sentence) > 2):
        return Reads.COMPLETE  # its form closes it, or it would have been found open
    lead = sentence[1:] if len(sentence) > 2 and sentence[0] in ("yes", "no", "yeah", "sure") else sentence
    if (asks or lead[0] in _QUESTION or lead[0] in _ASKING) and len(lead) >= 3:
        return Reads.COMPLETE
    if lead[0] in _ORDERS and len(lead) >= 2:
        return Reads.COMPLETE
    if any(word in _QUESTION for word in lead[:4]) and len(lead) >= 4:
        return Reads.PROBABLY
    return Reads.PROBABLY if len(sentence) >= 3 and _has_verb(sentence) else Reads.UNKNOWN


def _dangles(sentence: list[str], asks: bool) -> bool:
    """Is the last word one that must be followed by another?"""
    last = sentence[-1]
    before = sentence[-2] if len(sentence) > 1 else ""
    if last in _AFTER_TRANSITIVE and before in _TRANSITIVE:
        return True  # "turn on": what?
    if last in _PARTICLES:
        return not (
            asks or sentence[0] in _TRANSITIVE or before in ("it", "them", "me", "go", "going", "come", "log", "sign")
        )
    if len(sentence) == 1 and last in _OBJECTS_WANTED:
        return True
    if asks and before in _ASKING and last in _PRONOUNS | {"the"} and before not in ("is", "are", "am", "was", "were"):
        return True  # "how do you"
    if len(sentence) == 2 and sentence[0] in _ASKING and last in _PRONOUNS:
        return True  # "can you"
    if last not in _DANGLING:
        return False
    return not _closes(sentence, last, before, asks)


def _closes(sentence: list[str], last: str, before: str, asks: bool) -> bool:
    """The forms in which a word that usually leads on does end a sentence."""
    if last in _PREPOSITIONS:  # "who are you talking to"
        return asks and len(sentence) >= 4 and before not in ("what", "how") and sentence[0] in _QUESTION
    if last in _AUXILIARIES or last in _NEGATED:  # "yes I can", "I know who you are"
        answers = sentence[0] in ("yes", "yeah", "no", "nope", "of", "sure", "okay", "well") and len(sentence) <= 5
        subject = before in _PRONOUNS or before in _AUXILIARIES or before in ("that", "this")
        embedded = subject and any(word in _QUESTION for word in sentence[:-2])
        return (answers and (before in _PRONOUNS or last == "not")) or embedded or sentence[-2:] in (["hope", "not"],)
    if last == "so":  # "I think so"
        return before in ("think", "hope", "guess", "believe", "suppose", "why", "say", "do")
    if last in _PRONOUNS:  # "who am I", "where is she"
        return asks and before in _ASKING and len(sentence) >= 3
    if last in _QUESTION:  # "tell me why", "I don't know how"
        return before in ("me", "know", "why", "when", "knows", "say", "explain", "about", "guess")
    if last in ("well", "really", "maybe", "perhaps", "though", "also", "only", "even", "actually"):
        return len(sentence) > 2
    return last in ("some", "any", "another") and len(sentence) > 2


def _is_read_out(words: list[str]) -> bool:
    """Is a number or a word being read out, digit by digit or letter by letter?"""
    run: list[str] = []
    for word in reversed(words):
        if word in _DIGITS or word.isdecimal() or (run and word in _NUMBERS) or word in _NUMBERS:
            run.append(word)
        else:
            break
    letters = 0
    for word in reversed(words):
        if len(word) != 1 or not word.isalpha():
            break
        letters += 1
    if letters >= 2:
        return words[-2:] != ["a", "i"]
    if not run:
        return False
    single = sum(word in _DIGITS or len(word) == 1 for word in run)
    figures = sum(len(word) if word.isdecimal() else 1 for word in run)
    dictated = any(word in _DICTATED for word in words[: len(words) - len(run)])
    if figures in (10, 11, 16) and single < len(run) + 1 and figures >= 10:
        return False  # a whole telephone or card number
    leading_zero = any(word.isdecimal() and len(word) > 1 and word[0] == "0" for word in run)
    return (
        dictated
        or leading_zero
        or single >= 3
        or (len(run) > 1 and (single == len(run) or any(len(word) > 2 for word in run if word.isdecimal())))
        or (figures >= 7 and len(run) > 1)
    )


def _has_verb(sentence: list[str]) -> bool:
    """A guess: a subject that is a pronoun, or an auxiliary somewhere inside."""
    return sentence[0] in _PRONOUNS or any(
        word in _DANGLING and ("'" in word or word in _AUXILIARIES) for word in sentence
    )


def _from_word(phrase: str) -> bool:
    """Does one of the leading-on phrases end ``phrase`` as whole words?"""
    padded = " " + phrase
    return any(padded.endswith(" " + ending) for ending in _NEEDS_MORE)


def _is_english(words: list[str], language: str | None) -> bool:
    if language is not None:
        return language[:2].casefold() == "en"
    if not all(word.isascii() for word in words):
        return False
    foreign = sum(word in _FOREIGN and word not in _ENGLISH for word in words)
    return foreign == 0 or sum(word in _ENGLISH for word in words) > foreign


def _words(text: str) -> list[str]:
    return [word.replace("’", "'") for word in _WORD.findall(text.casefold())]
