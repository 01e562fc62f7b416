"""The offline assistant through its front door: messages in, deltas out."""

from __future__ import annotations

import inspect
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.conversation.history import Instruction
from assistant.ports import Message, ParleyError, SideEffect, Text, TextDelta
from providers import registry
from providers.offline import chat_model, matcher
from providers.offline.jokes import JOKES
from providers.offline.model import SKILLS, OfflineModel, answer
from providers.offline.skill import Answer, Request
from providers.offline.stories import STORIES

AFTERNOON = datetime(2026, 11, 20, 15, 5, tzinfo=timezone(timedelta(hours=1)))


def user(text: str) -> Message:
    return Message("user", (Text(text),))


def assistant(text: str) -> Message:
    return Message("assistant", (Text(text),))


def said(*messages: Message, seed: int = 0) -> str:
    return " ".join(answer(messages, AFTERNOON, seed).sentences)


def skill_for(text: str) -> str | None:
    """The skill that answers ``text`` after a joke has been told."""
    for form in matcher.forms(text):
        request = Request(text, form, ("a joke",), "", AFTERNOON, 0)
        for skill in SKILLS:
            if skill.answer(request) is not None:
                return skill.name
    return None


async def deltas(model: OfflineModel, *messages: Message) -> list[object]:
    return [delta async for delta in model.reply(messages)]


# --- understanding --------------------------------------------------------------------------------------------------

PARAPHRASES = {
    "time": [
        "Could you tell me what time it is, please?",
        "Hey Parley, what's the time?",
        "Do you happen to know the time?",
        "Um, what time have you got?",
        "How late is it already?",
        "Have you got the right time on you?",
        "Time, please.",
    ],
    "date": [
        "Can you tell me today's date?",
        "What day of the week is it?",
        "Which day is it tomorrow, please?",
        "What was yesterday's date?",
        "Is it Friday today?",
        "So what month are we in?",
        "And which year is it now?",
        "Do you know what the date is today?",
    ],
    "arithmetic": [
        "How much is nineteen plus twenty-three?",
        "Please multiply six by four.",
        "12 x 12",
        "What do you get if you divide ninety by four?",
        "Could you work out a quarter of two hundred?",
        "What's 17% of 240?",
        "Parley, what does eight squared make?",
    ],
    "joke": [
        "Could you tell me a funny joke?",
        "Do you know any good jokes?",
        "I'd like to hear a joke.",
        "Can you make me smile, please?",
        "Say something funny.",
        "Another one, please!",
        "Have you got any other jokes?",
    ],
    "story": [
        "I want to hear a long story.",
        "Read me a bedtime story, please.",
        "Could you tell me another tale?",
        "Give me a story.",
        "Tell me a story about a dragon.",
    ],
    "stop": [
        "No, stop it!",
        "Okay, that's enough.",
        "Would you please be quiet?",
        "You can stop talking now.",
        "Oh, never mind then.",
        "Hush, please.",
    ],
    "goodbye": [
        "Okay, bye bye!",
        "Thanks, see you tomorrow.",
        "That'll be all for today, thank you.",
        "I've got to go now. I have to go now.",
        "Have a lovely evening!",
        "Good night, Parley.",
        "Hang up, please.",
    ],
    "small talk": [
        "Hey there, Parley!",
        "Good morning to you.",
        "How's it going today?",
        "Thank you so much!",
        "Who am I talking to?",
        "Is anybody there?",
        "Are you a robot?",
    ],
    "timer": [
        "Could you start a timer called pizza for twelve minutes?",
        "Put twenty minutes on the clock.",
        "Remind me in half an hour to call my mother.",
        "A five minute timer, please.",
        "Set a timer for 90 seconds.",
        "How long until the egg timer goes off?",
        "Okay, get rid of my pizza timer.",
        "I don't need the timer any more.",
        "How much time is left on the timer?",
    ],
    "alarm": [
        "Set an alarm for 7:30 am.",
        "Can you wake me up at quarter to seven tomorrow?",
        "Please remind me at five to feed the cat.",
        "I need to get up at six on Monday.",
        "Turn my alarm off, please.",
        "What time is my alarm set for?",
    ],
    "conversion": [
        "How far is 26.2 miles in km?",
        "What's 20\u00b0C in Fahrenheit?",
        "How many cups in a gallon?",
        "How many grams are in half a pound?",
        "Turn five feet into centimetres, please.",
        "What is a hundred kilometers per hour in mph?",
        "How many seconds does a week have?",
    ],
    "repeat": [
        "Could you repeat your last answer, please?",
        "Sorry, what was that again?",
        "I didn't quite catch that.",
        "Say it once more.",
        "What have you just said?",
        "I beg your pardon?",
    ],
    "pace": [
        "Could you speak a little more slowly, please?",
        "You're talking far too fast.",
        "Can you talk quicker?",
        "Speed it up a bit.",
        "Not so slowly!",
        "Talk at your normal speed.",
    ],
    "volume": [
        "Could you speak a bit louder?",
        "Turn your volume down a notch.",
        "That's too quiet.",
        "I can't hear you properly.",
        "Set your volume at 30%.",
        "Please be quieter.",
    ],
    "abilities": [
        "Tell me what you can do. What can you do for me?",
        "What else can you do?",
        "How can you help me?",
        "What can I ask you?",
        "I need help, please.",
        "List your skills.",
    ],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in PARAPHRASES.items() for text in texts])
def test_a_skill_understands_what_its_source_does_not_spell_out(name: str, text: str) -> None:
    skill = next(skill for skill in SKILLS if skill.name == name)
    assert text.casefold() not in inspect.getsource(inspect.getmodule(skill.answer)).casefold()  # type: ignore[arg-type]
    parts = {skill_for(part) for part in [text, *text.replace("!", ".").replace("?", ".").split(". ")]}
    assert name in parts


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.name)
def test_every_example_is_understood_by_its_own_skill(skill: object) -> None:
    for example in skill.examples:  # type: ignore[attr-defined]
        assert skill_for(example) == skill.name, example  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        "Stop the music.", "Cancel the meeting.", "What is the weather like today?", "Turn off the lights.", "Seven.",
        "",
        "Is the timer set for ten minutes?", "How many miles have you got?", "Ten minutes.", "Seven in the morning.",
        "What is the capital of France?", "When is the next train?", "Say cheese.", "How far is it to the moon?",
        "What did the alarm clock cost?", "Buy an egg timer.", "It was a false alarm.", "Turn the heating up.",
        "Goodbye Yellow Brick Road is a song.", "What is the time complexity of quicksort?",
        "Translate good morning into French.",
    ],
)  # fmt: skip
def test_what_it_cannot_do_is_not_mistaken_for_what_it_can(text: str) -> None:
    assert skill_for(text) is None


def test_what_is_not_understood_is_answered_with_what_can_be_asked_but_not_twice_in_a_row() -> None:
    first = said(user("Turn on the lights."))
    assert first == (
        "I cannot help with that. I can tell the time, the date, jokes and stories, set timers and alarms, do sums, "
        "convert units, repeat what I said, and speak slower or faster and louder or quieter."
    )
    heard_in_part = assistant("I cannot help with that. I can tell")
    assert said(user("Turn on the lights."), heard_in_part, user("Open the door.")) == "I do not know that either."
    assert (
        said(user("Turn on the lights."), assistant(first), user("Hello."), assistant("Hello."), user("Sing.")) == first
    )


def test_two_requests_in_one_breath_are_both_answered() -> None:
    assert said(user("What time is it? And what is the date today?")) == (
        "It is five past three. Today is Friday, the twentieth of November."
    )
    assert said(user("I am back from my sister. What time is it?")) == "It is five past three."


# --- speaking -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "spoken"),
    [
        ((15, 5), "five past three"), ((3, 0), "three o'clock"), ((12, 0), "noon"), ((0, 0), "midnight"),
        ((0, 1), "one minute past twelve"), ((9, 15), "quarter past nine"), ((21, 30), "half past nine"),
        ((21, 45), "quarter to ten"), ((23, 58), "two minutes to twelve"), ((12, 40), "twenty to one"),
        ((6, 31), "twenty-nine minutes to seven"), ((13, 25), "twenty-five past one"),
    ],
)  # fmt: skip
def test_the_time_is_said_as_people_say_it(at: tuple[int, int], spoken: str) -> None:
    now = AFTERNOON.replace(hour=at[0], minute=at[1])
    assert answer([user("What time is it?")], now).sentences == (f"It is {spoken}.",)


def test_the_time_elsewhere_is_not_made_up() -> None:
    assert said(user("What time is it in Tokyo?")) == "I only know what time it is here. It is five past three."


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("What is the date today?", "Today is Friday, the twentieth of November."),
        ("What day is it tomorrow?", "Tomorrow is Saturday, the twenty-first of November."),
        ("What was yesterday's date?", "Yesterday was Thursday, the nineteenth of November."),
        ("What is the day after tomorrow?", "The day after tomorrow will be Sunday, the twenty-second of November."),
        ("Is it Monday?", "No, today is Friday, the twentieth of November."),
        ("Is tomorrow Saturday?", "Yes, tomorrow is Saturday, the twenty-first of November."),
        ("What month is it?", "It is November."),
        ("What year is it?", "It is twenty twenty-six."),
    ],
)
def test_the_date(text: str, spoken: str) -> None:
    assert said(user(text)) == spoken


def test_the_date_over_the_end_of_a_year() -> None:
    last = datetime(2027, 12, 31, 23, 59)
    assert answer([user("What is tomorrow's date?")], last).sentences == (
        "Tomorrow is Saturday, the first of January.",
    )


# --- jokes and stories ----------------------------------------------------------------------------------------------


def test_jokes_come_round_before_one_is_told_again() -> None:
    messages: list[Message] = []
    told = []
    for _ in range(len(JOKES)):
        messages.append(user("Tell me another joke."))
        told.append(said(*messages))
        messages.append(assistant(told[-1]))
    assert len(set(told)) == len(JOKES)


def test_an_interrupted_joke_is_not_begun_again() -> None:
    first = said(user("Tell me a joke."))
    again = said(
        user("Tell me a joke."), assistant(first[:20]), user("Stop."), assistant("Okay."), user("Another one, please.")
    )
    assert again != first
    assert any(again == " ".join(joke) for joke in JOKES)


def test_another_one_is_a_joke_only_after_a_joke() -> None:
    assert "cannot" in said(user("Another one."))


def test_asking_twice_without_an_answer_changes_nothing() -> None:
    messages = [user("Hello."), assistant("Hello."), user("Tell me a joke.")]
    assert answer(messages, AFTERNOON) == answer(messages, AFTERNOON)


def test_the_first_joke_changes_with_the_day_unless_a_seed_is_given() -> None:
    tomorrow = AFTERNOON + timedelta(days=1)
    asked = [user("Tell me a joke.")]
    assert answer(asked, AFTERNOON) != answer(asked, tomorrow)
    assert answer(asked, AFTERNOON, 3) == answer(asked, tomorrow, 3) == Answer(JOKES[3])


def test_one_joke_and_every_story_are_long_enough_to_be_interrupted() -> None:
    # espeak-ng at its usual 175 words a minute: 35 words are 12 seconds
    assert len(" ".join(JOKES[0]).split()) >= 35
    assert all(len(" ".join(story).split()) >= 35 for story in STORIES)


def test_a_second_story_is_another_story() -> None:
    first = said(user("Tell me a story."))
    assert said(user("Tell me a story."), assistant(first), user("Tell me another story.")) != first


# --- as a ChatModel -------------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_an_answer_is_streamed_a_sentence_at_a_time() -> None:
    async with chat_model({"clock": lambda: AFTERNOON, "seed": 1}) as model:
        assert await deltas(model, user("Tell me a joke.")) == [
            TextDelta("Why did the microphone leave the loudspeaker?"),
            TextDelta(" It was tired of being the only one who listened."),
        ]


@pytest.mark.anyio
async def test_goodbye_ends_the_session_after_its_words() -> None:
    async with chat_model({}) as model:
        assert await deltas(model, user("Thank you. Goodbye.")) == [TextDelta("Goodbye."), SideEffect("goodbye")]
        assert await deltas(model, user("Stop.")) == [TextDelta("Okay.")]


@pytest.mark.anyio
async def test_only_the_newest_user_message_is_answered() -> None:
    async with chat_model({"clock": lambda: AFTERNOON}) as model:
        system = Message("system", (Text("What is two plus two?"),))
        found = await deltas(model, system, user("Tell me a joke."), assistant("Why"), user("What time is it?"))
        assert found == [TextDelta("It is five past three.")]


@pytest.mark.anyio
async def test_nothing_asked_is_answered_with_what_can_be_asked() -> None:
    async with chat_model({}) as model:
        first, *_ = await deltas(model)
        assert first == TextDelta("I cannot help with that.")


@pytest.mark.anyio
async def test_it_is_registered_and_takes_what_every_chat_model_is_given() -> None:
    options = {"model": "", "max_tokens": 400, "timeouts": {"connect": 3.0}, "language": "en"}
    async with registry.find("llm", "offline")(options) as model:
        assert model.name == "offline"
        assert (await deltas(model, user("Hello.")))[0] == TextDelta("Hello.")


@pytest.mark.anyio
@pytest.mark.parametrize("options", [{"sede": 1}, {"seed": "one"}, {"clock": 12}])
async def test_a_wrong_option_is_named(options: dict[str, object]) -> None:
    with pytest.raises(ParleyError, match=next(iter(options))):
        async with chat_model(options):
            pass


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.text(max_size=60), st.sampled_from([e for skill in SKILLS for e in skill.examples])), max_size=6
    )
)
def test_anything_may_be_said_to_it(texts: list[str]) -> None:
    found = answer([user(text) for text in texts], AFTERNOON)
    assert found.sentences
    assert all(sentence.strip() == sentence and sentence[-1] in ".?" for sentence in found.sentences)


# --- when another model's answer has broken off -----------------------------------------------------------------------


def go_on() -> Message:
    return Message("user", (Instruction("Go on from exactly where it stops."),))


def test_it_goes_on_with_another_models_answer_by_answering_the_question() -> None:
    told = (user("What is two plus two?"), assistant("Two plus"), go_on())
    assert said(*told) == said(user("What is two plus two?"))


def test_what_it_could_not_have_answered_it_does_not_finish_and_offers_no_list() -> None:
    told = (user("Why is the sky blue?"), assistant("Because the air scatters"), go_on())
    assert said(*told) == "Sorry, I cannot finish that."


def test_an_instruction_is_nothing_the_user_said() -> None:
    told = (user("Tell me a joke."), assistant("Why did"), go_on(), user("What time is it?"))
    assert said(*told) == "It is five past three."
    assert not go_on().said
    assert user("Hello.").said
