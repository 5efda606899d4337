"""PyPI openai's Realtime client, unmodified: a spoken conversation with a tool and a barge-in."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager

import pytest
from click.testing import CliRunner
from loopback import open_server
from openai import AsyncOpenAI
from realtime_talk import engines, said

from benchmarks.corpus import CorpusError, questions
from benchmarks.served import serving
from voiceagent.audio.files import resample, write_wav
from voiceagent.audio.pcm import from_s16, level_db, to_s16
from voiceagent.cli.transcribe import transcribe
from voiceagent.testing.replies import tool_call
from voiceagent.testing.sound import voice
from voiceagent.text import word_error_rate

pytestmark = pytest.mark.realtime

ASKED, THANKED = "What is the weather in Rome?", "Thank you, that is enough."
ANSWER = "It is sunny in Rome, and it will stay so for many days, since a wide and quiet high lies over the sea."
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Return the weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
FRAME_S = 0.02
INTERRUPT_AFTER_S = 1.2


class Talk:
    """A program on the client: microphone, loudspeaker, one tool; it interrupts the first long answer."""

    def __init__(self, connection, first, second):
        self.history = {}
        self.responses = []
        self.errors = []
        self.heard = {}
        """The audio of each item."""
        self._connection = connection
        self._second = second
        self._said = self._coded(first)
        self._interrupting = None
        self._playing = None
        self._loop = asyncio.get_running_loop()

    async def run(self, answers):
        """Talk until so many responses with words have ended by themselves."""
        microphone = asyncio.create_task(self._speak())
        try:
            async with asyncio.timeout(60):
                async for event in self._connection:
                    await self._take(event)
                    spoken = [each for each in self.responses if each.output and each.output[0].type == "message"]
                    if sum(each.status != "cancelled" for each in spoken) >= answers:
                        return
        finally:
            microphone.cancel()

    async def _take(self, event):
        match event.type:
            case "error":
                self.errors.append(event.error)
            case "conversation.item.done" | "conversation.item.retrieved":
                self.history[event.item.id] = event.item
            case "conversation.item.input_audio_transcription.completed":
                await self._connection.conversation.item.retrieve(item_id=event.item_id)
            case "response.output_audio.delta":
                self.heard[event.item_id] = self.heard.get(event.item_id, b"") + base64.b64decode(event.delta)
                if self._playing is None:
                    self._playing = (event.item_id, self._loop.time())
                if self._interrupting is None:
                    self._interrupting = self._loop.call_later(INTERRUPT_AFTER_S, self._interrupt)
            case "input_audio_buffer.speech_started" if self._playing is not None:
                (item, begun), self._playing = self._playing, None
                played_ms = round((self._loop.time() - begun) * 1000)
                await self._connection.conversation.item.truncate(item_id=item, content_index=0, audio_end_ms=played_ms)
            case "conversation.item.truncated":
                await self._connection.conversation.item.retrieve(item_id=event.item_id)
            case "response.done":
                self.responses.append(event.response)
                calls = [item for item in event.response.output if item.type == "function_call"]
                for call in calls:
                    output = f"Sunny in {json.loads(call.arguments)['city']}."
                    await self._connection.conversation.item.create(
                        item={"type": "function_call_output", "call_id": call.call_id, "output": output}
                    )
                if calls:
                    await self._connection.response.create()

    def _interrupt(self):
        self._said = self._coded(self._second)

    def _coded(self, pcm):
        return to_s16(resample(pcm, 16_000, 24_000))

    async def _speak(self):
        size, due = round(24_000 * FRAME_S) * 2, self._loop.time()
        while True:
            frame, self._said = self._said[:size].ljust(size, b"\0"), self._said[size:]
            await self._connection.input_audio_buffer.append(audio=base64.b64encode(frame).decode())
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - self._loop.time()))


@asynccontextmanager
async def talking(url, first, second, **session):
    async with (
        AsyncOpenAI(base_url=f"{url}/v1", api_key="x") as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        await connection.session.update(session={"type": "realtime", **session})
        yield Talk(connection, first, second)


def shown(item):
    if item.type == "function_call":
        return item.type, item.arguments
    if item.type == "function_call_output":
        return item.type, item.output
    return item.role, item.content[0].transcript


def test_a_spoken_conversation_with_a_tool_and_a_barge_in():
    async def main():
        def reply(messages):
            if messages[-1].role == "tool":
                return ANSWER
            asked = sum(message.role == "user" for message in messages)
            return tool_call("weather", city="Rome") if asked == 1 else "Then I say no more."

        scripted, prompts = engines(reply, [ASKED, THANKED], word_s=0.15)
        async with (
            open_server("llm.session_tokens=4096", engines=scripted) as house,
            talking(house.url, voice(1.5), voice(1.0), tools=[WEATHER], instructions="Call the tool.") as talk,
        ):
            await talk.run(answers=1)
            assert talk.errors == []
            (_, asked), (_, call), (_, output), (_, heard), (_, thanked), (_, last) = map(shown, talk.history.values())
            assert (asked, call, output) == (ASKED, '{"city": "Rome"}', "Sunny in Rome.")
            assert (thanked, last) == (THANKED, "Then I say no more.")
            assert 4 <= len(heard.split()) < len(ANSWER.split()) - 3
            assert ANSWER.startswith(heard)
            told = ["assistant", "tool", "assistant", "user"]
            assert [role for role, _ in said(prompts[-1])] == ["user", *told]
            assert said(prompts[-1])[3] == ("assistant", heard)
            assert all(level_db(from_s16(audio)) > -40 for audio in talk.heard.values())

    asyncio.run(main())


def test_the_same_package_speaks_the_beta():
    async def main():
        scripted, prompts = engines("Fine.", [ASKED])
        async with (
            open_server("server.token=the-token-of-the-server", engines=scripted) as house,
            AsyncOpenAI(base_url=f"{house.url}/v1", api_key="the-token-of-the-server") as server,
        ):
            sockets = house.url.replace("http", "ws")
            session = await server.beta.realtime.sessions.create(instructions="Be brief.", modalities=["audio", "text"])
            async with (
                AsyncOpenAI(websocket_base_url=f"{sockets}/v1", api_key=session.client_secret.value) as client,
                client.beta.realtime.connect(model="gpt-4o-realtime-preview") as connection,
            ):
                await connection.input_audio_buffer.append(audio=base64.b64encode(bytes(4800)).decode())
                item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
                await connection.conversation.item.create(item=item)
                await connection.response.create()
                kinds, text = [], ""
                async for event in connection:
                    kinds.append(event.type)
                    if event.type == "response.audio_transcript.delta":
                        text += event.delta
                    if event.type == "response.done":
                        break
        assert text == "Fine."
        assert prompts[-1][0].content == "Be brief."
        assert {"conversation.item.created", "response.audio.delta", "response.audio_transcript.done"} <= set(kinds)
        assert event.response.output[0].content[0].type == "audio"

    asyncio.run(main())


@pytest.mark.thorough
@pytest.mark.models
def test_real_models_hear_the_question_and_are_heard(tmp_path):
    try:
        first, second, *_ = questions(4)
    except CorpusError as error:
        pytest.skip(str(error))

    async def main(url):
        async with talking(url, first.pcm, second.pcm, instructions="You are a storyteller. Tell a story.") as talk:
            await talk.run(answers=1)
            return talk

    sets = ["llm.temperature=0", "llm.max_tokens=100", "session.idle_s=0"]
    with serving("cpu.yaml", sets) as url:
        talk = asyncio.run(main(url))
    assert talk.errors == []
    (_, asked), (_, heard), (_, again), *_, (_, last) = map(shown, talk.history.values())
    for clip, text in ((first, asked), (second, again)):
        errors, count = word_error_rate(clip.text, text)
        assert errors <= max(2, 0.3 * count), (clip.text, text)
    assert 1 <= len(heard.split()) < 12, "it was interrupted"
    *_, audio = talk.heard.values()
    write_wav(tmp_path / "heard.wav", from_s16(audio), 24_000)
    written = CliRunner().invoke(transcribe, [str(tmp_path / "heard.wav")]).output
    errors, count = word_error_rate(last, written)
    assert errors <= max(3, 0.3 * count), (last, written)
