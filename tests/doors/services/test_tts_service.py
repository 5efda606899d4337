"""The TTS service: what a client hears of its texts, message by message."""

import asyncio
import threading

import numpy as np
import pytest
from loopback import open_server
from service_clients import client, none_lent

from voiceagent.doors import wire
from voiceagent.engines.tts.scripted.engine import ScriptedTts, tone
from voiceagent.testing import scripted_engines

PATH = "/ws/tts/stream"
WORD_S = 0.3
"""What the scripted voice takes for a word."""
STREAMED, BATCH = {"mode": "stream", "preset": "conservative"}, {"mode": "batch"}


def run(talk, *sets, engines=None):
    async def main():
        async with open_server(*sets, engines=engines) as house, client(house, PATH) as tts:
            await talk(tts)

    asyncio.run(main())


def samples(tts):
    """Return how many samples the client has got since it last asked."""
    count = sum(len(audio) for audio in tts.audio) // 2
    tts.audio.clear()
    return count


def kinds(messages):
    return [message["type"] for message in messages]


@pytest.mark.parametrize("mode", [STREAMED, BATCH, {}])
def test_a_text_is_spoken_at_22_khz_and_its_end_is_told(mode):
    async def talk(tts):
        await tts.send(type="init", voice="aria", language="en")
        created = await tts.next()
        assert created["type"] == "stream_created"
        assert created["stream_id"]
        await tts.send(type="text", text="One two three.", **mode)
        complete = await tts.next()
        expected = round(3 * WORD_S * 22_000)
        count = samples(tts)
        assert abs(count - expected) < 60
        assert complete == {"type": "segment_complete", "segment": 1, "audio_ms": round(count / 22, 1)}
        await tts.send(type="close")
        done = await tts.next()
        assert done == {"type": "done", "total_audio_ms": complete["audio_ms"], "segments_generated": 1}

    run(talk)


def test_the_pitch_is_that_of_the_voice():
    """The words of the scripted voice are tones whose pitch is known: nothing is spoken faster or slower."""

    async def talk(tts):
        await tts.send(type="text", text="Hello.", **STREAMED)
        await tts.until("segment_complete")
        heard = np.frombuffer(b"".join(tts.audio), "<i2").astype(float)
        spectrum = np.abs(np.fft.rfft(heard, 22_000))
        expected = np.abs(np.fft.rfft(tone("Hello.", 6600, 22_000), 22_000))
        assert np.argmax(spectrum) == np.argmax(expected)

    run(talk)


def test_several_texts_are_segments_of_one_stream_and_a_text_without_words_is_one_too():
    async def talk(tts):
        for text in ("One.", "  ", "Two two.", "🙂"):
            await tts.send(type="text", text=text, **STREAMED)
        await tts.send(type="close")
        messages = await tts.until("done")
        assert kinds(messages) == ["stream_created", *["segment_complete"] * 3, "done"]
        assert [message["segment"] for message in messages[1:-1]] == [1, 2, 3]
        assert messages[3]["audio_ms"] == 0
        assert messages[-1]["segments_generated"] == 3

    run(talk)


def test_streamed_audio_comes_before_the_segment_is_whole_and_batch_audio_after():
    voice = HeldTts()

    async def talk(tts):
        await tts.send(type="text", text="One two three.", **BATCH)
        assert (await tts.next())["type"] == "stream_created"
        voice.words.release(2)
        await tts.send(type="ping")
        assert (await tts.next())["type"] == "pong"
        assert samples(tts) == 0
        voice.words.release(1)
        await tts.until("segment_complete")
        assert samples(tts) > 19_000
        await tts.send(type="text", text="One two three.", **STREAMED)
        voice.words.release(1)
        while not tts.audio:
            await tts.send(type="ping")
            assert (await tts.next())["type"] == "pong"
        voice.words.release(2)
        await tts.until("segment_complete")

    run(talk, engines=scripted_engines(tts=voice))


class HeldTts(ScriptedTts):
    """A voice that makes a word whenever it is let."""

    def __init__(self):
        super().__init__(sleep=lambda seconds: None)
        self.words = threading.Semaphore(0)

    def run(self, batch):
        self.words.acquire(timeout=20)
        return super().run(batch)


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_a_text_after_the_end_of_a_stream_begins_another_before_any_audio(end):
    async def talk(tts):
        await tts.send(type="text", text="One.", **STREAMED)
        await tts.until("segment_complete")
        samples(tts)
        await tts.send(type=end)
        await tts.send(type="text", text="Two.", **STREAMED)
        messages = await tts.until("stream_created")
        assert kinds(messages) == (["done", "stream_created"] if end == "close" else ["stream_created"])
        assert samples(tts) == 0
        assert (await tts.next())["type"] == "segment_complete"
        assert samples(tts) > 6000

    run(talk)


def test_what_was_closed_is_spoken_to_its_end_before_the_next_stream_begins():
    async def talk(tts):
        for _ in range(3):
            await tts.send(type="text", text="One two three four.", **STREAMED)
            await tts.send(type="close")
        messages = [*await tts.until("done"), *await tts.until("done"), *await tts.until("done")]
        assert kinds(messages) == ["stream_created", "segment_complete", "done"] * 3
        assert len({message["stream_id"] for message in messages[::3]}) == 3

    run(talk)


def test_nothing_of_a_cancelled_stream_is_sent_after_the_next_begins_in_a_hundred_interruptions():
    """Each answer is of another length, and its audio is counted from its own `stream_created` on."""

    async def talk(tts):
        await tts.send(type="init", voice="sofia", language="en")
        for number in range(100):
            await tts.send(type="text", text="Stale words that are never to be heard again. " * 3, **STREAMED)
            await tts.send(type="text", text="And stale words in a batch.", **BATCH)
            for _ in range(number % 7):  # interrupt at different moments
                await tts.send(type="ping")
                await tts.until("pong")
            await tts.send(type="cancel")
            await tts.send(type="ping")
            assert "done" not in kinds(await tts.until("pong"))
            samples(tts)
            await tts.send(type="ping")
            assert kinds(await tts.until("pong")) == ["pong"]
            assert samples(tts) == 0  # not a sample after the cancel is taken
        words = "One " * 5
        await tts.send(type="text", text=words, **STREAMED)
        await tts.send(type="close")
        messages = await tts.until("done")
        assert kinds(messages) == ["stream_created", "segment_complete", "done"]
        assert abs(samples(tts) - round(5 * WORD_S * 22_000)) < 60

    run(talk)


def test_an_init_replaces_the_stream():
    async def talk(tts):
        await tts.send(type="text", text="Stale words that are never to be heard again. " * 9, **STREAMED)
        first = await tts.next()
        await tts.send(type="init", voice="high", language="en")
        second = await tts.next()
        assert second["type"] == "stream_created"
        assert second["stream_id"] != first["stream_id"]
        samples(tts)
        await tts.send(type="text", text="One.", **STREAMED)
        await tts.send(type="close")
        assert kinds(await tts.until("done")) == ["segment_complete", "done"]
        assert abs(samples(tts) - round(WORD_S * 22_000)) < 60

    run(talk)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("nonsense", "JSON"),
        (b"\x00\x01", "text messages only"),
        ('{"type": "speak"}', "init, text, close, cancel, ping"),
        ('{"type": "text"}', "string of at most 4000"),
        ('{"type": "text", "text": "' + "x" * 4001 + '"}', "string of at most 4000"),
        ('{"type": "text", "text": "Hi.", "mode": "fast"}', "batch, stream"),
        ('{"type": "text", "text": "Hi.", "preset": "fast"}', "aggressive, balanced, conservative"),
        ('{"type": "init", "voice": "nobody"}', "low, high, aria"),
        ('{"type": "init", "voice": ["aria"]}', "low, high, aria"),
        ('{"type": "init", "language": "tlh"}', "Languages: en"),
        ('{"type": "init", "default_mode": "fast"}', "batch, stream"),
    ],
)
def test_a_message_that_makes_no_sense_is_an_error_and_changes_nothing(message, told):
    async def talk(tts):
        await tts.send(type="text", text="One.", **STREAMED)
        await tts.until("segment_complete")
        samples(tts)
        await tts.send(message)
        error = await tts.next()
        assert (error["type"], error["fatal"]) == ("error", False)
        assert told in error["message"]
        await tts.send(type="text", text="Two.", **STREAMED)
        assert (await tts.next())["segment"] == 2
        assert samples(tts) > 6000

    run(talk)


def test_more_text_than_can_wait_is_refused_and_the_rest_is_spoken():
    async def talk(tts):
        for _ in range(40):
            await tts.send(type="text", text="x" * 4000, **BATCH)
        await tts.send(type="close")
        messages = await tts.until("done")
        assert kinds(messages).count("error") >= 1
        assert "characters wait" in next(message["message"] for message in messages if message["type"] == "error")

    run(talk)


def test_a_voice_that_fails_ends_the_stream_and_the_next_text_begins_another():
    voice = ScriptedTts(fail_at=2, sleep=lambda seconds: None)

    async def talk(tts):
        await tts.send(type="text", text="One two.", **STREAMED)
        error = (await tts.until("error"))[-1]
        assert error["fatal"] is True
        voice.fail_at = None
        await tts.send(type="text", text="Three.", **STREAMED)
        assert kinds(await tts.until("segment_complete")) == ["stream_created", "segment_complete"]

    run(talk, engines=scripted_engines(tts=voice))


def test_a_client_for_whom_there_is_no_voice_is_told_so_and_turned_away():
    async def main():
        async with open_server("server.speech_streams=0") as house, client(house, PATH) as tts:
            error = await tts.next()
            assert (error["type"], error["fatal"]) == ("error", True)
            assert "server.speech_streams" in error["message"]
            assert await tts.closed() == 1013

    asyncio.run(main())


def test_a_client_that_leaves_in_the_middle_of_a_text_gives_its_voice_back():
    async def main():
        async with open_server("server.speech_streams=1") as house:
            for _ in range(3):
                async with client(house, PATH) as tts:
                    await tts.send(type="text", text="One two three four five. " * 20, **STREAMED)
                    assert (await tts.next())["type"] == "stream_created"
                await none_lent(house)


def test_a_client_that_never_reads_is_cut_off_and_its_voice_given_back(monkeypatch, caplog):
    monkeypatch.setattr(wire, "SEND_S", 0.3)
    voice = ScriptedTts(word_s=10.0, sleep=lambda seconds: None)

    async def main():
        async with (
            open_server("server.speech_streams=1", engines=scripted_engines(tts=voice)) as house,
            client(house, PATH, max_queue=1, close_timeout=0.1) as tts,
        ):
            for _ in range(6):
                await tts.send(type="text", text="one " * 20, **STREAMED)
            await none_lent(house)

    asyncio.run(main())
    assert [record.getMessage() for record in caplog.records if "does not read" in record.getMessage()] == [
        "a client does not read: cut off"
    ]

    asyncio.run(main())
