"""The Realtime door over WebRTC, called by PyPI openai with aiortc."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from loopback import open_server
from openai import AsyncOpenAI
from realtime_talk import LONG, engines


class Line:
    """The caller's data channel: the events that came, and a wait for the next of a kind."""

    def __init__(self, channel):
        self.events = []
        self._channel = channel
        self._news = asyncio.Event()
        self._taken = 0
        self._open = asyncio.Event()
        channel.on("open", self._open.set)
        channel.on("message", self._take)

    async def send(self, kind, **fields):
        await self._open.wait()
        self._channel.send(json.dumps({"type": kind, **fields}))

    async def until(self, kind):
        async with asyncio.timeout(30):
            while True:
                for place in range(self._taken, len(self.events)):
                    if self.events[place]["type"] == kind:
                        self._taken = place + 1
                        return self.events[place]
                self._news.clear()
                await self._news.wait()

    def _take(self, message):
        self.events.append(json.loads(message))
        self._news.set()


@asynccontextmanager
async def calling(house, session=None):
    """Call by `POST /v1/realtime/calls`; give the line, the answer's HTTP response, and the connection."""
    client = AsyncOpenAI(base_url=f"{house.url}/v1", api_key="x")
    connection = RTCPeerConnection()
    line = Line(connection.createDataChannel("oai-events"))
    connection.addTrack(AudioStreamTrack())
    await connection.setLocalDescription(await connection.createOffer())
    options = {} if session is None else {"session": session}
    try:
        answer = await client.realtime.calls.create(sdp=connection.localDescription.sdp, **options)
        await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        yield line, answer.response, client
    finally:
        await connection.close()
        await client.close()


@pytest.mark.realtime
@pytest.mark.parametrize("form", [True, False], ids=["form", "sdp"])
def test_a_call_has_its_events_on_the_data_channel_and_its_audio_beside_it(form):
    async def main():
        scripted, _ = engines("Fine.", word_s=0.1)
        session = {"type": "realtime", "instructions": "Be brief."} if form else None
        async with open_server(engines=scripted) as house, calling(house, session) as (line, answer, client):
            assert answer.status_code == 201
            assert answer.headers["content-type"].startswith("application/sdp")
            created = (await line.until("session.created"))["session"]
            assert created.get("instructions") == ("Be brief." if form else None)
            await line.send("response.create")
            await line.until("output_audio_buffer.started")
            done = (await line.until("response.done"))["response"]
            stopped = await line.until("output_audio_buffer.stopped")
            assert stopped["response_id"] == done["id"]
            assert "response.output_audio.delta" not in [event["type"] for event in line.events]
            call_id = answer.headers["location"].rpartition("/")[2]
            await client.realtime.calls.hangup(call_id)
            await house.empty()

    asyncio.run(main())


@pytest.mark.realtime
def test_the_client_clears_what_is_heard_and_the_item_ends_there():
    async def main():
        scripted, prompts = engines(LONG, word_s=0.1)
        async with open_server("llm.session_tokens=4096", engines=scripted) as house, calling(house) as (line, _, _):
            await line.send("response.create")
            await line.until("output_audio_buffer.started")
            await asyncio.sleep(0.6)
            await line.send("output_audio_buffer.clear")
            done = (await line.until("response.done"))["response"]
            assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
            await line.until("output_audio_buffer.cleared")
            cut = await line.until("conversation.item.truncated")
            await line.send("conversation.item.retrieve", item_id=cut["item_id"])
            (part,) = (await line.until("conversation.item.retrieved"))["item"]["content"]
            words = part["transcript"].split()
            assert 3 <= len(words) <= 12
            assert 100 * (len(words) - 1) < cut["audio_end_ms"] < 100 * (len(words) + 1)
            await line.send("response.create")
            await line.until("output_audio_buffer.started")
            heard = [message.content for message in prompts[-1] if message.role == "assistant"]
            assert heard == [part["transcript"]]

    asyncio.run(main())
