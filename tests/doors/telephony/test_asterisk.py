"""Calls as Asterisk brings them, to a whole server with scripted engines."""

import asyncio
import logging
from contextlib import asynccontextmanager

import numpy as np
import pytest
from telephones import LONG, telephone_server, voice

from benchmarks.telephone import AsteriskPhone
from voiceagent.audio.files import Resampler
from voiceagent.doors.telephony import asterisk
from voiceagent.doors.telephony.asterisk import CATCH_UP_S, FRAME_S
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.testing import scripted_engines

ID = b"\x01\x00\x10" + bytes(range(16))
SILENCE = b"\x10\x01\x40" + bytes(320)


@asynccontextmanager
async def raw(port, data):
    """A client without manners."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        yield reader, writer
    finally:
        writer.close()


async def frames(reader):
    """Return the frames up to the end of the connection, audio without its samples."""
    got = []
    async with asyncio.timeout(60):
        while header := await reader.read(1):
            length = int.from_bytes(await reader.readexactly(2))
            payload = await reader.readexactly(length)
            if header[0] not in range(0x10, 0x19):
                got.append((header[0], payload.decode()))
    return got


@pytest.mark.realtime
@pytest.mark.parametrize(("rate", "kind"), [(8_000, 0x10), (16_000, 0x12)])
def test_a_caller_speaks_is_understood_and_hears_the_answer_at_the_callers_rate(rate, kind):
    async def main():
        async with telephone_server() as (server, port):
            turns = []
            server.agent.on("turn")(turns.append)
            async with AsteriskPhone(port, rate) as phone:
                await phone.say(voice(1.1))
                await phone.until(lambda: turns)
                assert turns[0].user_text.startswith("Hello, can you")
                assert phone.kinds == {kind}
                assert {len(frame) for frame in phone.played} == {rate // 50}
                spoken = phone.heard()[-4 * rate :]
                pitch = np.argmax(np.abs(np.fft.rfft(spoken))) * rate / len(spoken)
                assert 200 < pitch < 300, "the tones of the scripted voice, not an octave off"
            await server.empty()

    asyncio.run(main())


@pytest.mark.realtime
def test_audio_comes_at_the_pace_at_which_it_is_heard():
    async def main():
        async with telephone_server("session.greeting='Hello there, and welcome to this line.'") as (_, port):
            loop, came = asyncio.get_running_loop(), []
            async with raw(port, ID + SILENCE) as (reader, _):
                for _ in range(100):
                    await reader.readexactly(323)
                    came.append(loop.time())
        return came

    came = asyncio.run(main())
    ahead = [number * FRAME_S - (at - came[0]) for number, at in enumerate(came)]
    assert max(ahead) < CATCH_UP_S + 3 * FRAME_S, "never ahead of its time by more than a busy machine explains"
    assert came[-1] - came[0] > 99 * FRAME_S - CATCH_UP_S - 3 * FRAME_S


@pytest.mark.realtime
def test_a_caller_who_interrupts_is_cut_off_and_only_what_was_sent_is_remembered():
    prompts = []

    def reply(messages):
        prompts.append(messages)
        return LONG

    async def main():
        engines = scripted_engines(llm=ScriptedLlm(reply), tts=ScriptedTts(word_s=0.1))
        async with telephone_server(engines=engines) as (server, port):
            turns = []
            server.agent.on("turn")(turns.append)
            async with AsteriskPhone(port) as phone:
                await phone.say(voice(1.1))
                await phone.until(phone.is_spoken_to)
                await asyncio.sleep(0.6)
                await phone.say(voice(1.1))
                await phone.until(lambda: len(turns) > 1)
        return turns, next(m.content for m in prompts[-1] if m.role == "assistant")

    turns, said = asyncio.run(main())
    assert turns[0].outcome == "interrupted"
    assert 4 <= len(said.split()) < len(LONG.split()) - 4


def test_keys_reach_the_model_as_text():
    prompts = []

    def reply(messages):
        prompts.append(messages[-1].content)
        return "Thank you."

    async def main():
        async with telephone_server(engines=scripted_engines(llm=ScriptedLlm(reply))) as (server, port):
            turns = []
            server.agent.on("turn")(turns.append)
            async with AsteriskPhone(port) as phone:
                for digit in "7*#":
                    await phone.press(digit)
                await phone.until(lambda: turns)

    asyncio.run(main())
    assert prompts == ["(The caller pressed 7 * #.)"]


def test_a_caller_who_says_nothing_is_greeted_at_8_khz():
    async def main():
        async with telephone_server("session.greeting='Hello there.'") as (_, port), raw(port, ID) as (reader, _):
            async with asyncio.timeout(60):
                heard = [await reader.readexactly(323) for _ in range(20)]
            assert {frame[:3] for frame in heard} == {b"\x10\x01\x40"}
            assert any(frame[3:] != bytes(320) for frame in heard)

    asyncio.run(main())


@pytest.mark.parametrize("how", ["frame", "error", "close", "vanish"])
def test_hanging_up_ends_the_session_at_once(how):
    async def main():
        async with telephone_server() as (server, port), raw(port, ID + SILENCE) as (reader, writer):
            await reader.readexactly(323)
            (session,) = server.agent._sessions
            match how:
                case "frame":
                    writer.write(b"\x00\x00\x00")
                case "error":
                    writer.write(b"\xff\x00\x01\x02")
                case "close":
                    writer.close()
                case "vanish":
                    writer.transport.abort()
            await server.empty()
            assert session.state.closed
            if how == "frame":
                assert await frames(reader) == [(0, "")]

    asyncio.run(main())


def test_where_there_is_no_place_the_dialplan_goes_on():
    async def main():
        async with telephone_server("server.max_sessions=1") as (server, port), raw(port, ID + SILENCE) as (first, _):
            await first.readexactly(323)
            async with raw(port, ID) as (second, _):
                assert await frames(second) == [(0, "")], "hung up without an error, which would end the call"
            assert len(await server.sessions()) == 1

    asyncio.run(main())


BAD = {
    "another protocol": (b"GET / HTTP/1.1\r\n\r\n", "0x47 are not known"),
    "audio before the id": (SILENCE, "first frame of a call is its id"),
    "a short id": (b"\x01\x00\x02ab", "16 bytes, not 2"),
    "two ids": (ID + ID, "has its id already"),
    "half a sample": (ID + b"\x10\x00\x03abc", "even number of bytes"),
    "no key": (ID + b"\x03\x00\x01x", "no key"),
    "a machine's keys": (ID + b"\x03\x00\x015" * 210, "faster than it is spoken"),
    "too fast": (ID + (b"\x10\xff\xfe" + bytes(65_534)) * 3, "faster than it is spoken"),
}


@pytest.mark.parametrize(("data", "words"), BAD.values(), ids=BAD)
def test_bad_input_ends_that_call_with_an_error_logged_once_and_no_other(data, words, caplog):
    caplog.set_level(logging.WARNING)

    async def main():
        async with telephone_server() as (server, port), AsteriskPhone(port) as other:
            await other.until(lambda: other.played)
            async with raw(port, data) as (reader, _):
                last = await frames(reader)
            assert [kind for kind, _ in last] in ([0xFF], [0xFF, 0x00])
            assert words in last[0][1]
            before = len(other.played)
            await other.until(lambda: len(other.played) > before)
            assert len(await server.sessions()) == 1
        return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]

    assert asyncio.run(main()) == ["call refused"]


def test_a_frame_that_ends_too_early_is_a_caller_who_vanished():
    async def main():
        async with telephone_server() as (server, port), raw(port, ID + SILENCE[:100]) as (_, writer):
            writer.write_eof()
            await server.empty()

    asyncio.run(main())


def test_a_client_that_does_not_say_which_call_it_is_is_sent_away(monkeypatch):
    monkeypatch.setattr(asterisk, "ID_S", 0.1)

    async def main():
        async with telephone_server() as (_, port), raw(port, b"\x01") as (reader, _):
            assert await frames(reader) == [(0xFF, "No id of a call came within 0.1 s.")]

    asyncio.run(main())


def test_a_client_that_never_reads_is_cut_off(monkeypatch, caplog):
    monkeypatch.setattr(asterisk, "MOST_WAITING_BYTES", -1)  # as if the network took nothing

    async def main():
        async with telephone_server() as (server, port), raw(port, ID + SILENCE) as (reader, _):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(100_000)
            await server.empty()

    asyncio.run(main())
    assert [r.getMessage() for r in caplog.records].count("call ended: nothing is read of it") == 1


@pytest.mark.parametrize(("ours", "theirs"), [(24_000, 8_000), (22_050, 8_000), (24_000, 16_000)])
def test_the_voice_is_held_back_by_2_ms_at_most(ours, theirs):
    class Call:
        class session:  # noqa: N801
            class playout:  # noqa: N801
                rate = ours

            pcm = iter(np.sin(np.arange(ours) * 2 * np.pi * 440 / ours).astype(np.float32).reshape(50, -1))

            @classmethod
            def pull(cls):
                return next(cls.pcm)

    made = asterisk._Voice(Call, theirs)
    sent = np.concatenate([made.next_frame() for _ in range(50)])
    expected = np.sin(np.arange(theirs) * 2 * np.pi * 440 / theirs)
    held = len(sent) - len(Resampler(ours, theirs).push(np.zeros(ours, np.float32)))
    assert 0 < held <= 0.002 * theirs
    assert np.abs(sent[held + 200 : -200] - expected[200 : -held - 200]).max() < 0.01
