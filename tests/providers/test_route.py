"""Two voices by the length of what is said: who speaks, at which rate, and who steps in."""

from __future__ import annotations

import anyio
import pytest
import trio.testing

from assistant.ports import FailedMidway, ParleyError, ProviderError, ProviderUnavailable, SynthesizerAbilities
from providers import route
from tests.providers.doubles import Inside, Voice, pitch_of, sound

pytestmark = pytest.mark.anyio
NAMES = {"short": "quick", "long": "good"}
SHORT, LONG = "Sure.", "Here is what I know about it, and that is a great deal."


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


def quick(**more: object) -> Voice:
    return Voice("quick", rate=16_000, pitch=300.0, **more)  # type: ignore[arg-type]


def good(**more: object) -> Voice:
    return Voice("good", rate=24_000, pitch=600.0, **more)  # type: ignore[arg-type]


def routed(inside: Inside, **options: object) -> object:
    return route.synthesizer(inside.options(**NAMES, **options))


async def test_short_pieces_go_to_one_voice_and_long_ones_to_the_other() -> None:
    inside = Inside({"quick": quick(), "good": good()})
    async with routed(inside, limit=5) as voice:
        assert (voice.name, voice.rate) == ("quick+good", 24_000)
        for text in (SHORT, " Sure.\n", LONG, "Sure..."):
            await sound(voice.speak(text))
    assert inside.providers["quick"].texts == [SHORT, " Sure.\n"]
    assert inside.providers["good"].texts == [LONG, "Sure..."]


async def test_both_are_heard_at_one_rate_and_their_words_stay_where_they_are() -> None:
    async with routed(Inside({"quick": quick(), "good": good()}), limit=20) as voice:
        for text, pitch in (("three short words", 300), ("three much longer words, really", 600)):
            samples, words = await sound(voice.speak(text))
            assert len(samples) == pytest.approx(2_400 * len(text.split()), abs=2)
            assert pitch_of(samples, 24_000) == pytest.approx(pitch, abs=5)
            assert [text[word.offset : word.offset + word.length] for word in words] == text.split()
            assert [word.start for word in words] == pytest.approx([0.1 * index for index in range(len(words))])


async def test_where_one_fails_the_other_speaks() -> None:
    inside = Inside({"quick": quick(error=ProviderError("quick is ill")), "good": good()})
    async with routed(inside) as voice:
        samples, _ = await sound(voice.speak(SHORT))
        assert pitch_of(samples, 24_000) == pytest.approx(600, abs=10)
        await sound(voice.speak(SHORT))
    assert inside.told.failures == [("quick", "good")], "it rests, and is not asked again at once"
    assert len(inside.providers["quick"].texts) == 1

    inside = Inside({"quick": quick(), "good": good(error=ProviderError("good is ill"))})
    async with routed(inside) as voice:
        await sound(voice.speak(LONG))
    assert (inside.providers["quick"].texts, inside.told.failures) == ([LONG], [("good", "quick")])


async def test_the_rest_of_a_piece_that_broke_off_is_spoken_by_the_other() -> None:
    inside = Inside({"quick": quick(), "good": good(error=ProviderError("good broke off"), fails_after=2)})
    async with routed(inside) as voice:
        with pytest.raises(FailedMidway, match="good broke off"):
            await sound(voice.speak(LONG))
        await sound(voice.speak("what I know about it, and that is a great deal."))
    assert inside.providers["quick"].texts == ["what I know about it, and that is a great deal."]


async def test_a_voice_that_hangs_is_a_failure() -> None:
    inside = Inside({"quick": quick(), "good": good(delay=1e9)})
    async with routed(inside, timeouts={"first_byte": 2.0}) as voice:
        began = anyio.current_time()
        await sound(voice.speak(LONG))
        assert anyio.current_time() - began == pytest.approx(2.5 + 0.1)
    assert inside.told.errors == ["good gave nothing for 2 s"]


async def test_when_both_fail_whoever_asked_is_told() -> None:
    inside = Inside(
        {name: Voice(name, error=ProviderError(f"{name} is ill", provider=name)) for name in NAMES.values()}
    )
    async with routed(inside) as voice:
        with pytest.raises(ProviderError, match="quick is ill") as caught:
            await sound(voice.speak(LONG))
    assert not isinstance(caught.value, FailedMidway)


async def test_it_promises_what_it_can_keep() -> None:
    able = SynthesizerAbilities(True, True, True, ("en", "fr"))
    inside = Inside({"quick": quick(abilities=able), "good": good(abilities=able)})
    async with routed(inside) as voice:
        assert voice.abilities == SynthesizerAbilities(True, False, True, ("en", "fr"))
        assert not hasattr(voice, "stream")
        voice.set_speed(0.8)
        await sound(voice.speak(SHORT))
    assert inside.providers["quick"].speeds == [0.8]
    less = SynthesizerAbilities(False, True, False, ("de", "fr"))
    async with routed(Inside({"quick": quick(abilities=able), "good": good(abilities=less)})) as voice:
        assert voice.abilities == SynthesizerAbilities(languages=("fr",))


@pytest.mark.parametrize(("missing", "rate"), [("quick", 24_000), ("good", 16_000)])
async def test_one_that_cannot_be_opened_leaves_the_other(missing: str, rate: int) -> None:
    inside = Inside({"quick": quick(), "good": good()} | {missing: ProviderUnavailable(f"{missing} needs a key")})
    async with routed(inside) as voice:
        assert voice.rate == rate
        for text in (SHORT, LONG):
            assert len((await sound(voice.speak(text)))[0])
    assert inside.told.errors == [f"{missing} needs a key"]


async def test_options_that_cannot_be() -> None:
    inside = Inside({"quick": quick(), "good": good()})
    for wrong, sentence in (
        ({"short": "quick"}, "long"),
        ({**NAMES, "limit": 0}, "limit"),
        ({**NAMES, "voice": "x"}, "no voice of its own"),
    ):
        with pytest.raises(ParleyError, match=sentence):
            async with route.synthesizer(inside.options(**wrong)):
                pytest.fail("not opened")
