"""A second door, made up here: typed reports, sessions configured one by one, and paced audio, without the page."""

import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from own_door import serve

from voiceagent import Agent
from voiceagent.audio.pacer import FRAME_S, MAX_LEAD_S
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.tts.scripted.engine import VOICES, ScriptedTts

LONG = "The sea is deep. It is full of fish. Some of them shine in the dark."


class Caller:
    """A program at the other end of the line."""

    def __init__(self, reader, writer):
        self.messages = []
        self.came = []
        self._loop = asyncio.get_running_loop()
        self._reader, self._writer = reader, writer
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    def send(self, **message):
        self._writer.write(json.dumps(message).encode() + b"\n")

    def of(self, name):
        return [message[name] for message in self.messages if name in message]

    def audio(self):
        """Return the audio since it last had to forget what it had."""
        frames = []
        for message in self.messages:
            frames = [] if "clear" in message else frames
            frames += [message["audio"]] if "audio" in message else []
        return np.array([sample for frame in frames for sample in frame])

    async def until(self, name, count=1):
        async with asyncio.timeout(30):
            while len(self.of(name)) < count:
                self._news.clear()
                await self._news.wait()
        return self.of(name)[count - 1]

    async def hang_up(self):
        self._writer.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self):
        while line := await self._reader.readline():
            self.messages.append(json.loads(line))
            self.came.append(self._loop.time())
            self._news.set()


@asynccontextmanager
async def door(reply):
    prompts = []

    def replied(messages):
        prompts.append(messages)
        return reply

    agent = Agent("scripted.yaml", greeting="", llm=ScriptedLlm(replied), tts=ScriptedTts(word_s=0.1))
    async with agent:
        server = await serve(agent)
        try:
            yield server.sockets[0].getsockname()[1], prompts, agent
        finally:
            server.close()


@asynccontextmanager
async def calling(port, **first):
    caller = Caller(*await asyncio.open_connection("127.0.0.1", port, limit=2**20))
    caller.send(**first)
    try:
        yield caller
    finally:
        await caller.hang_up()


def pitch_hz(pcm, rate=24_000):
    spectrum = np.abs(np.fft.rfft(pcm))
    return np.argmax(spectrum) * rate / len(pcm)


def test_two_callers_of_one_agent_each_have_their_own_prompt_voice_and_reports():
    async def main():
        async with (
            door("Aye aye.") as (port, prompts, agent),
            calling(port, system_prompt="You are a pirate.", voice="high") as pirate,
            calling(port) as plain,
        ):
            for caller in (pirate, plain):
                caller.send(text="hello")
                assert await caller.until("ended") == "completed"
                assert caller.of("says") == ["Aye aye."]
                assert caller.of("understood") == ["hello"]
                assert caller.of("word") == [0, 1]
                assert caller.of("heard") == ["Aye aye."]
            systems = [messages[0].content for messages in prompts]
            assert systems == ["You are a pirate.", agent.config.system_prompt]
            assert pitch_hz(pirate.audio()) > pitch_hz(plain.audio()) + VOICES["low"] / 2

    asyncio.run(main())


@pytest.mark.realtime
def test_audio_comes_ahead_of_time_and_not_far_ahead():
    async def main():
        async with door(LONG) as (port, _, _), calling(port) as caller:
            caller.send(text="hello")
            assert await caller.until("ended") == "completed"
            times = [at for at, message in zip(caller.came, caller.messages, strict=True) if "audio" in message]
            begun = times[0]
            ahead = [number * FRAME_S - (at - begun) for number, at in enumerate(times, 1)]
            assert max(ahead) < MAX_LEAD_S
            assert max(ahead) > 0.1
            assert not caller.of("clear")

    asyncio.run(main())


def test_an_interrupted_caller_is_told_to_forget_and_only_what_was_played_is_remembered():
    async def main():
        async with door(LONG) as (port, prompts, _), calling(port) as caller:
            caller.send(text="hello")
            await caller.until("word", 3)
            caller.send(stop=True)
            assert await caller.until("ended") == "interrupted"
            await caller.until("clear")
            heard = caller.of("heard")[0]
            sent_s = sum(len(frame) for frame in caller.of("audio")) / 24_000
            assert caller.of("words")[0] * 0.1 < sent_s, "less than was sent"
            caller.send(text="go on")
            await caller.until("ended", 2)
            assert [message.content for message in prompts[1] if message.role == "assistant"] == [heard]
            assert LONG.startswith(heard)

    asyncio.run(main())


def test_a_caller_who_knows_what_it_has_played_is_believed():
    async def main():
        async with door(LONG) as (port, prompts, _), calling(port) as caller:
            caller.send(text="hello")
            await caller.until("word", 4)
            caller.send(played=120.0, generation=1)
            assert await caller.until("ended") == "interrupted"
            assert caller.of("heard") == ["The"]
            caller.send(text="go on")
            await caller.until("ended", 2)
            assert [message.content for message in prompts[1] if message.role == "assistant"] == ["The"]

    asyncio.run(main())


def test_what_a_caller_cannot_have_is_refused_at_the_door_and_later():
    async def main():
        async with door("Fine.") as (port, _, agent):
            async with calling(port, voice="growl") as caller:
                assert "Choose one of low, high" in await caller.until("refused")
            async with calling(port) as caller:
                caller.send(configure={"temperature": 9.0})
                assert "from 0 to 2" in await caller.until("refused")
                caller.send(configure={"voice": "high"})
                caller.send(say="Still here.")
                assert await caller.until("ended") == "completed"
                assert pitch_hz(caller.audio()) > 1.5 * VOICES["low"]
            async with asyncio.timeout(30):
                while agent.metrics.registry.get_sample_value("voiceagent_sessions"):  # noqa: ASYNC110 - nobody rings
                    await asyncio.sleep(0.01)

    asyncio.run(main())


def test_it_needs_neither_the_page_nor_webrtc():
    script = """
import sys
import test_second_door
test_second_door.test_two_callers_of_one_agent_each_have_their_own_prompt_voice_and_reports()
others = ("voiceagent.doors.page", "voiceagent.doors.webrtc", "aiortc")
loaded = [name for name in sys.modules if name.startswith(others)]
assert not loaded, loaded
assert "voiceagent.doors.host" in sys.modules
"""
    folder = Path(__file__).parent
    path = [str(folder), str(folder.parents[1]), str(folder.parents[1] / "examples")]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path}\n{script}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
