"""What no well-behaved Wyoming client sends: an error event that says what to do, logged once, and nobody disturbed."""

import asyncio
import json
import logging

import pytest
from telephones import voice
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event, async_read_event
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeVoice
from wyoming_server import client, wyoming_server

from voiceagent.audio.pcm import to_s16
from voiceagent.doors.wyoming import client as wyoming_client
from voiceagent.doors.wyoming import events as wyoming_events
from voiceagent.doors.wyoming import synthesis

FORM = {"rate": 16_000, "width": 2, "channels": 1}


class Bare(Event):
    """An event as it is, where the library would not make it."""

    def event(self):
        return self


REFUSED = {
    "unknown language": ([Transcribe(language="fr-FR")], "unknown-language", "there is en"),
    "unknown model": ([Transcribe(name="whisper")], "unknown-model", "there is scripted"),
    "unknown voice": ([Synthesize("Hi.", SynthesizeVoice(name="growl"))], "failed", "Choose one of low, high"),
    "ssml": ([Synthesize("<speak/>", text_format="ssml")], "unknown-format", "plain text"),
    "no text": ([Bare("synthesize", {"text": 5})], "bad-event", "has a text"),
    "no transcript": ([Bare("transcript", {})], "bad-event", "has a text"),
    "a language of a text": ([Transcript("Hi.", language="fr")], "unknown-language", "there is en"),
    "stop without audio": ([AudioStop()], "out-of-order", "no audio to transcribe"),
    "two starts": ([AudioStart(**FORM), AudioStart(**FORM)], "out-of-order", "has started already"),
    "chunk without start": ([SynthesizeChunk("Hi.")], "out-of-order", "after synthesize-start"),
    "stop without start": ([SynthesizeStop()], "out-of-order", "after synthesize-start"),
    "two texts": ([SynthesizeStart(), SynthesizeStart()], "out-of-order", "synthesize-stop first"),
    "no rate": ([Bare("audio-start", {"width": 2, "channels": 1})], "bad-audio", "rate of audio"),
    "nine channels": ([AudioStart(16_000, 2, 9)], "bad-audio", "from 1 to 8"),
    "half a sample": ([AudioChunk(**FORM, audio=b"abc")], "bad-audio", "3 bytes are no whole number"),
}


@pytest.mark.parametrize(("sent", "code", "words"), REFUSED.values(), ids=REFUSED)
def test_a_request_that_cannot_be_met_is_refused_and_the_connection_lives(sent, code, words, caplog):
    caplog.set_level(logging.WARNING)

    async def main():
        async with wyoming_server() as (_, port), client(port) as asking:
            await asking.send(*sent)
            error = (await asking.until("error"))[-1]
            await asking.send(Ping("alive"))
            assert (await asking.until("pong"))[-1].data == {"text": "alive"}
            return error.data

    error = asyncio.run(main())
    assert error["code"] == code
    assert words in error["text"]
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == ["request refused"]


def test_the_audio_of_a_refused_request_is_passed_over_and_the_next_one_is_heard():
    async def main():
        async with wyoming_server() as (_, port), client(port) as asking:
            chunk = AudioChunk(**FORM, audio=to_s16(voice(1.1)))
            await asking.send(Transcribe(language="fr"), AudioStart(**FORM), chunk, chunk, AudioStop())
            await asking.send(Transcribe(language="en"), AudioStart(**FORM), chunk, AudioStop())
            return [*await asking.until("error"), *await asking.until("transcript")]

    events = asyncio.run(main())
    assert [event.type for event in events] == ["error", "transcript-start", "transcript-chunk", "transcript"]


MALFORMED = {
    "no JSON": (b"GET / HTTP/1.1\r\n", "not a Wyoming event"),
    "no object": (b"[1]\n", "no JSON object"),
    "binary": (bytes(range(128, 200)) + b"\n", "not a Wyoming event"),
    "nested too deep": (b"[" * 60_000 + b"\n", "not a Wyoming event"),
    "no type": (b'{"data": {}}\n', 'has a "type"'),
    "data that is no object": (b'{"type": "ping", "data": [1]}\n', 'has a "type"'),
    "a line without end": (b"x" * 200_000, "longer than 64 kB"),
    "too much data": (b'{"type": "ping", "data_length": 9999999}\n', "64000 is the most"),
    "too much audio": (b'{"type": "audio-chunk", "payload_length": 99999999999}\n', "1000000 is the most"),
    "a length that is none": (b'{"type": "ping", "payload_length": "much"}\n', "a number of bytes"),
    "a negative length": (b'{"type": "ping", "payload_length": -1}\n', "a number of bytes"),
}


@pytest.mark.parametrize(("data", "words"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_event_ends_that_connection_with_an_error_and_no_other(data, words, caplog):
    caplog.set_level(logging.WARNING)

    async def main():
        async with wyoming_server() as (_, port), client(port) as other:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            async with asyncio.timeout(60):
                error = await async_read_event(reader)
                assert error.type == "error"
            writer.close()
            await other.send(Ping("alive"))
            assert (await other.until("pong"))[-1].data == {"text": "alive"}
            return error.data["text"]

    assert words in asyncio.run(main())
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == ["request refused"]


def test_what_others_answer_is_ignored():
    async def main():
        async with wyoming_server() as (_, port), client(port) as asking:
            await asking.send(Bare("detect", {"names": ["okay"]}), Bare("run-satellite"), Ping("alive"))
            return await asking.until("pong")

    assert [event.type for event in asyncio.run(main())] == ["pong"]


def test_where_no_stream_is_left_a_request_is_refused_and_works_later():
    async def main():
        async with wyoming_server("server.speech_streams=1") as (_, port), client(port) as one, client(port) as two:
            await one.send(AudioStart(**FORM))
            await one.until("transcript-start")
            await two.send(Synthesize("Hello there."))
            refused = (await two.until("error"))[-1].data
            await one.send(AudioStop())
            await one.until("transcript-stop")
            await two.send(Synthesize("Hello there."))
            assert (await two.until("audio-stop"))[-1].type == "audio-stop"
            return refused

    refused = asyncio.run(main())
    assert refused["code"] == "server-full"
    assert "server.speech_streams" in refused["text"]


@pytest.mark.parametrize("during", ["audio", "text", "speech", "answer"])
def test_a_client_that_vanishes_gives_its_place_back(during):
    async def main():
        async with wyoming_server() as (server, port):

            def lent():
                return server.agent.metrics.registry.get_sample_value("voiceagent_speech_streams")

            async with client(port) as asking:
                match during:
                    case "audio":
                        await asking.send(AudioStart(**FORM))
                        await asking.until("transcript-start")
                    case "text":
                        await asking.send(SynthesizeStart())
                        await asking.until("audio-start")
                    case "speech":
                        await asking.send(Synthesize("A long text, which takes its time. " * 50))
                        await asking.until("audio-chunk")
                    case "answer":
                        await asking.send(Transcript("word " * 700))
                        await asking.until("handled-chunk")
                asking.tcp._writer.transport.abort()
            async with asyncio.timeout(60):
                while lent():  # noqa: ASYNC110 - the server has no event to wait for
                    await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_client_that_never_reads_is_disconnected(monkeypatch):
    monkeypatch.setattr(wyoming_events, "SEND_S", 0.2)

    async def main():
        async with wyoming_server() as (_, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            ping = json.dumps({"type": "ping", "data": {"text": "x" * 30_000}}).encode() + b"\n"
            cut_off = False
            async with asyncio.timeout(30):
                while not cut_off:
                    writer.write(ping)
                    try:
                        await writer.drain()
                    except OSError:
                        cut_off = True
                    await asyncio.sleep(0)
            writer.close()
            async with client(port) as other:
                await other.send(Ping("alive"))
                assert (await other.until("pong"))[-1].data == {"text": "alive"}

    asyncio.run(main())


def test_a_client_that_falls_silent_in_the_midst_of_audio_gives_its_place_back(monkeypatch):
    monkeypatch.setattr(wyoming_client, "SILENT_S", 0.2)

    async def main():
        async with wyoming_server() as (_, port), client(port) as asking:
            await asking.send(Ping())
            await asking.until("pong")
            await asyncio.sleep(0.4)  # idle between requests is nobody's loss
            await asking.send(AudioStart(**FORM))
            return await asking.until("error")

    error = asyncio.run(main())[-1]
    assert error.data["code"] == "too-slow"


def test_a_text_of_any_length_is_not_taken(monkeypatch):
    monkeypatch.setattr(synthesis, "MOST_CHARS", 100)

    async def main():
        async with wyoming_server() as (_, port), client(port) as asking:
            await asking.send(SynthesizeStart(), *[SynthesizeChunk("fish " * 10)] * 3, SynthesizeStop())
            error = (await asking.until("error"))[-1]
            await asking.send(Synthesize("Hello."))
            assert (await asking.until("audio-chunk"))[-1].type == "audio-chunk"
            return error.data["code"]

    assert asyncio.run(main()) == "too-large"
