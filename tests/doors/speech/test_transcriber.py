"""Audio in, utterances out: in pieces, in bounded memory, on demand."""

import asyncio

import numpy as np
import pytest
from virtual_host import VirtualHost

from voiceagent.doors.errors import UnavailableError
from voiceagent.doors.speech.transcriber import LONGEST_S, Transcriber, TranscriptionError
from voiceagent.engines.asr.contract import SAMPLE_RATE
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.testing.sound import silence, voice

TEXTS = ("one two three four five six", "seven eight nine", "ten eleven")


def heard(test, texts=TEXTS):
    """Run a test with a host and what its transcriber reports."""
    utterances, partials = [], []

    async def main():
        host = VirtualHost(asr=ScriptedAsr(texts, sleep=lambda seconds: None))
        try:
            transcriber = Transcriber(host, utterances.append, partials.append)
            await test(host, transcriber)
            transcriber.close()
            assert host.lent == 0
        finally:
            host.close()

    run_virtual(main())
    return utterances, partials


def test_utterances_are_cut_at_silences_and_dated():
    async def speak(host, transcriber):
        await transcriber.push(np.concatenate((silence(1.0), voice(2.0), silence(1.0), voice(1.0), silence(0.1))))
        assert await transcriber.finalise() == "one two three four five six seven eight nine"
        assert await transcriber.finalise() == ""

    utterances, _ = heard(speak)
    assert [utterance.text for utterance in utterances] == ["one two three four five six", "seven eight nine"]
    first, second = utterances
    assert (first.start_s, first.end_s) == (pytest.approx(1.0, abs=0.04), pytest.approx(3.0, abs=0.04))
    assert (second.start_s, second.end_s) == (pytest.approx(4.0, abs=0.04), pytest.approx(5.0, abs=0.14))
    assert [word.text for word in first.words] == first.text.split()
    assert first.words[0].start_s == first.start_s
    assert first.words[-1].end_s == pytest.approx(first.end_s)


def test_live_audio_comes_in_pieces_of_any_length_and_its_text_grows():
    async def speak(host, transcriber):
        audio = np.concatenate((voice(2.0), silence(1.0), voice(1.0)))
        for start in range(0, len(audio), 333):
            await transcriber.push(audio[start : start + 333])
            await asyncio.sleep(333 / SAMPLE_RATE)
        assert transcriber.heard_s == 4.0
        await transcriber.finalise()

    utterances, partials = heard(speak)
    assert [utterance.text for utterance in utterances] == ["one two three four five six", "seven eight nine"]
    assert partials[:2] == ["one", "one two"]
    assert all(any(text.startswith(part) for text in TEXTS) for part in partials)


def test_a_soft_end_tells_the_text_so_far_and_a_hard_one_begins_anew():
    async def speak(host, transcriber):
        await transcriber.push(voice(1.0))
        assert await transcriber.finalise(hard=False) == "one two three"
        await transcriber.push(voice(1.0))
        assert await transcriber.finalise(hard=False) == "one two three four five six"
        assert await transcriber.finalise(hard=True) == "one two three four five six"
        await transcriber.push(voice(1.0))
        assert await transcriber.finalise(hard=True) == "seven eight nine"

    utterances, _ = heard(speak)
    assert [utterance.text for utterance in utterances] == ["one two three four five six", "seven eight nine"]


def test_a_hard_end_answers_when_nothing_was_said():
    async def speak(host, transcriber):
        assert await transcriber.finalise() == ""
        await transcriber.push(silence(3.0))
        assert await transcriber.finalise(hard=False) == ""
        assert await transcriber.finalise() == ""

    assert heard(speak) == ([], [])


def test_speech_without_a_pause_is_cut_all_the_same():
    async def speak(host, transcriber):
        await transcriber.push(voice(2 * LONGEST_S + 1))
        await transcriber.finalise()

    texts = [" ".join(f"{turn}.{word}" for word in range(200)) for turn in range(3)]
    utterances, _ = heard(speak, texts=texts)
    assert len(utterances) == 3
    assert max(utterance.end_s - utterance.start_s for utterance in utterances) < LONGEST_S + 0.1
    assert [u.start_s for u in utterances[1:]] == [u.end_s for u in utterances[:-1]]


def test_a_long_utterance_is_cut_at_a_breath():
    async def speak(host, transcriber):
        await transcriber.push(np.concatenate((voice(16.0), silence(0.3), voice(2.0))))
        await transcriber.finalise()

    texts = [" ".join(f"{turn}.{word}" for word in range(200)) for turn in range(2)]
    utterances, _ = heard(speak, texts=texts)
    assert utterances[0].end_s == pytest.approx(16.0, abs=0.05)
    assert utterances[1].start_s == pytest.approx(16.3, abs=0.05)


@pytest.mark.exhaustive(quick=180, full=900)
def test_a_long_recording_waits_for_the_recogniser_and_is_never_held(size):
    """However fast it comes, no more than an utterance is ahead of the recogniser."""
    most = 0

    async def speak(host, transcriber):
        nonlocal most
        loop = asyncio.get_running_loop()
        minute = np.concatenate([*(np.concatenate((voice(5.0), silence(1.0))) for _ in range(10))])
        for _ in range(size // 60):
            for start in range(0, len(minute), SAMPLE_RATE):
                await transcriber.push(minute[start : start + SAMPLE_RATE])
                most = max(most, len(transcriber._held))
        await transcriber.finalise()
        assert loop.time() > size // 6 * 0.01, "each utterance took its time in the recogniser"

    utterances, _ = heard(speak, texts=lambda turn: " ".join([f"w{turn}"] * 15))
    assert [u.text.split()[0] for u in utterances] == [f"w{turn}" for turn in range(size // 6)]
    assert most < 2 * SAMPLE_RATE


def test_what_fails_is_raised_and_later_speech_is_heard():
    async def speak(host, transcriber):
        asr = host.engines.asr
        honest = asr.run

        def broken(batch):
            raise RuntimeError("out of order")

        asr.run = broken
        with pytest.raises(TranscriptionError, match="recogniser failed: out of order"):
            await transcriber.push(np.concatenate((voice(1.0), silence(1.0))))
        asr.run = honest
        await transcriber.push(np.concatenate((silence(0.5), voice(1.0), silence(1.0))))
        assert await transcriber.finalise() == "seven eight nine", "what failed is lost"

    utterances, _ = heard(speak)
    assert utterances[0].start_s == pytest.approx(2.5, abs=0.05)


def test_a_detector_that_fails_is_replaced():
    async def speak(host, transcriber):
        vad = host.engines.vad
        honest = vad.run

        def broken(batch):
            raise RuntimeError("no ears")

        vad.run = broken
        with pytest.raises(TranscriptionError, match="voice activity detector failed: no ears"):
            await transcriber.push(voice(1.0))
        vad.run = honest
        await transcriber.push(np.concatenate((silence(0.5), voice(1.0), silence(1.0))))
        assert await transcriber.finalise() == "seven eight nine", "what failed is lost"

    heard(speak)


def test_closing_ends_a_push_that_waits():
    async def speak(host, transcriber):
        host.callers.scheduler.close()
        pushing = asyncio.create_task(transcriber.push(voice(1.0)))
        await asyncio.sleep(1.0)
        transcriber.close()
        with pytest.raises(TranscriptionError, match="closed"):
            await pushing

    heard(speak)


def test_all_that_is_lent_is_counted():
    async def speak(host, transcriber):
        others = [Transcriber(host), Transcriber(host, live=True), Transcriber(host)]
        with pytest.raises(UnavailableError):
            Transcriber(host)
        for other in others:
            other.close()
            other.close()

    heard(speak)
