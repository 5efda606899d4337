"""Text in, audio out: whole or piece by piece, cancelled at once, never far ahead."""

import asyncio
from contextlib import aclosing

import numpy as np
import pytest
from virtual_host import VirtualHost

from voiceagent.doors.errors import UnavailableError
from voiceagent.doors.speech.speaker import Speaker
from voiceagent.doors.speech.speech import SpeechError
from voiceagent.engines.contract import Need
from voiceagent.engines.tts.scripted.engine import VOICES, ScriptedTts
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.virtual import run_virtual

WORD_S, PAUSE_S, RATE = 0.1, 0.25, 24_000


def spoken(test, *, live=False):
    """Run a test with a host and a speaker."""

    async def main():
        host = VirtualHost(tts=ScriptedTts(word_s=WORD_S, sleep=lambda seconds: None))
        try:
            speaker = Speaker(host, live=live)
            result = await test(host, speaker)
            speaker.close()
            speaker.close()
            assert host.lent == 0
            assert not host.engines.tts._jobs
            return result
        finally:
            host.close()

    return run_virtual(main())


async def whole(speech):
    pieces = [piece async for piece in speech.pieces()]
    words = [word for piece in pieces for word in piece.words]
    return np.concatenate([piece.pcm for piece in pieces]), words


def read(text, **how):
    async def test(host, speaker):
        speech = speaker.speak(**how)
        speech.push(text)
        speech.finish()
        return await whole(speech)

    return spoken(test)


def test_a_text_is_spoken_with_pauses_between_sentences_and_times_of_its_words():
    pcm, words = read("It is late. We have 21 fish.")
    assert [word.text for word in words] == ["It", "is", "late.", "We", "have", "twenty-one", "fish."]
    assert len(pcm) == round((7 * WORD_S + PAUSE_S) * RATE)
    assert words[3].start_s == pytest.approx(3 * WORD_S + PAUSE_S)
    pause = pcm[round(3 * WORD_S * RATE) : round((3 * WORD_S + PAUSE_S) * RATE)]
    assert not pause.any()
    assert pcm[: len(pause)].any()


def test_a_text_that_grows_is_spoken_the_same():
    text = "It is late. We have 21 fish. And that is all there is to say about them, my friend."

    async def test(host, speaker):
        speech = speaker.speak()
        taking = asyncio.create_task(whole(speech))
        for character in text:
            speech.push(character)
            await asyncio.sleep(0.05)
        assert not taking.done()
        speech.finish()
        return await taking

    grown, words = spoken(test)
    assert [word.text for word in words] == [word.text for word in read(text)[1]]
    assert len(grown) == len(read(text)[0])


@pytest.mark.parametrize("speed", [0.5, 2.0, 4.0])
def test_speed_changes_the_pace_and_not_the_pitch(speed):
    text = " ".join(["seven"] * 40)
    plain, words = read(text)
    fast, sooner = read(text, speed=speed)
    assert len(fast) == pytest.approx(len(plain) / speed, rel=0.03)
    assert sooner[-1].start_s == pytest.approx(words[-1].start_s / speed)
    pitches = [np.argmax(np.abs(np.fft.rfft(pcm))) * RATE / len(pcm) for pcm in (plain, fast)]
    assert pitches[0] == pytest.approx(pitches[1], abs=15)


def test_a_voice_is_chosen_and_what_there_is_not_is_refused_with_what_there_is():
    def pitch(**how):
        pcm, _ = read("seven seven seven", **how)
        return np.argmax(np.abs(np.fft.rfft(pcm))) * RATE / len(pcm)

    assert pitch(voice="HIGH") - pitch() == pytest.approx(VOICES["high"] - VOICES["low"], abs=15)

    async def test(host, speaker):
        with pytest.raises(VoiceAgentError, match="Choose one of low, high"):
            speaker.speak(voice="nobody")
        with pytest.raises(VoiceAgentError, match=r"from 0\.25 to 4, not 9"):
            speaker.speak(speed=9.0)
        type(host.engines.tts).languages = property(lambda self: ("en", "de"))
        try:
            with pytest.raises(VoiceAgentError, match=r"'xx'\. Choose one of en, de"):
                speaker.speak(language="xx")
        finally:
            del type(host.engines.tts).languages

    spoken(test)


def test_a_text_without_words_has_no_audio():
    async def test(host, speaker):
        speech = speaker.speak()
        speech.push("*** 🙂 ***")
        speech.finish()
        assert [piece async for piece in speech.pieces()] == []

    spoken(test)


def test_a_cancelled_text_ends_at_once_and_the_next_one_is_whole():
    async def test(host, speaker):
        first = speaker.speak()
        first.push("One two three. Four five six. Seven eight nine. ")
        taken = []
        async with aclosing(first.pieces()) as pieces:
            async for piece in pieces:
                taken += [word.text for word in piece.words]
                if len(taken) == 2:
                    first.cancel()
        assert taken == ["One", "two"]
        assert not host.engines.tts._jobs
        second = speaker.speak()
        second.push("Ten.")
        second.finish()
        return await whole(second)

    assert [word.text for word in spoken(test)[1]] == ["Ten."]


def test_a_taker_who_leaves_cancels_the_text():
    async def test(host, speaker):
        speech = speaker.speak()
        speech.push("One two three. Four five six. Seven eight nine. ")
        async with aclosing(speech.pieces()) as pieces:
            await anext(pieces)
        assert not host.engines.tts._jobs

    spoken(test)


def test_audio_is_made_only_a_little_ahead_of_who_takes_it():
    async def test(host, speaker):
        speech = speaker.speak()
        speech.push("One two three. " * 100)
        speech.finish()
        async with aclosing(speech.pieces()) as pieces:
            await anext(pieces)
            await asyncio.sleep(60.0)
            assert sum(len(audio.pcm) for audio in speech._audio) <= 6 * WORD_S * RATE

    spoken(test)


def test_a_voice_that_fails_is_reported_after_what_it_said():
    async def test(host, speaker):
        host.engines.tts.fail_at = 3
        speech = speaker.speak()
        speech.push("One two three.")
        speech.finish()
        pieces = speech.pieces()
        assert [(await anext(pieces)).words[0].text for _ in range(2)] == ["One", "two"]
        with pytest.raises(SpeechError, match="scripted to fail"):
            await anext(pieces)
        host.engines.tts.fail_at = None
        again = speaker.speak()
        again.push("One two three.")
        again.finish()
        return await whole(again)

    assert len(spoken(test)[1]) == 3


@pytest.mark.parametrize(("live", "needs"), [(False, {Need.BACKGROUND}), (True, {Need.AWAITED, Need.PROMISED})])
def test_only_a_listener_who_waits_is_served_as_callers_are(live, needs):
    async def test(host, speaker):
        asked = []
        run = host.engines.tts.run
        host.engines.tts.run = lambda batch: asked.append(batch.need) or run(batch)
        speech = speaker.speak()
        speech.push("One two three. Four five six.")
        speech.finish()
        await whole(speech)
        return asked

    asked = spoken(test, live=live)
    assert set(asked) == needs
    assert asked[0] is (Need.AWAITED if live else Need.BACKGROUND)


def test_the_voices_lent_are_counted():
    async def test(host, speaker):
        others = [Speaker(host) for _ in range(3)]
        with pytest.raises(UnavailableError):
            Speaker(host)
        for other in others:
            other.close()

    spoken(test)
