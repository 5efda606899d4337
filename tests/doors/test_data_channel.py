"""A caller's data channels: any label, any number, and one that nobody reads."""

import asyncio
import json

from loopback import open_server

from voiceagent.doors.webrtc import data_channel as module
from voiceagent.doors.webrtc.data_channel import DataChannel
from voiceagent.testing.webrtc.caller import Caller


class Channel:
    """As aiortc has it."""

    def __init__(self):
        self.sent = []
        self.readyState = "open"
        self.bufferedAmount = 0
        self.handlers = {}

    def on(self, event, handler):
        self.handlers[event] = handler

    def send(self, text):
        self.sent.append(text)

    def close(self):
        self.readyState = "closed"
        self.handlers["close"]()


def test_messages_wait_for_a_channel_and_go_through_the_oldest_that_is_open():
    heard = []
    line = DataChannel(heard.append, lambda: None)
    line.send("early")
    first, second = Channel(), Channel()
    line.attach(first)
    line.attach(second)
    line.send("one")
    second.handlers["message"]("from the second")
    first.close()
    line.send("two")
    second.close()
    line.send("later")
    third = Channel()
    line.attach(third)
    assert (first.sent, second.sent, third.sent) == (["early", "one"], ["two"], ["later"])
    assert heard == ["from the second"]


def test_a_client_that_does_not_read_is_given_up_and_its_messages_are_not_kept():
    gone = []
    line = DataChannel(lambda message: None, lambda: gone.append("gone"))
    channel = Channel()
    line.attach(channel)
    channel.bufferedAmount = module.MAX_UNREAD_BYTES
    line.send("the last")
    assert not gone
    channel.bufferedAmount += 1
    line.send("one too many")
    assert (gone, channel.sent) == (["gone"], ["the last"])


def ends(caller):
    return sum(message.kind == "agent.end" for message in caller.messages)


def test_several_channels_of_any_label_carry_one_conversation():
    async def main():
        async with open_server() as house:
            caller = Caller(house.url)
            other = caller._pc.createDataChannel("rtvi-ai")
            other.on("message", lambda text: caller.take_message(json.loads(text)))
            async with caller:
                await caller.until(lambda: other.readyState == "open" or None, 90, "the other channel")
                for count, channel in enumerate((other, caller._channel), 1):
                    channel.send('{"type": "text", "text": "hello"}')
                    await caller.until(lambda count=count: ends(caller) == count or None, 90, "an answer")

    asyncio.run(main())


def test_a_caller_who_stops_reading_is_cut_off(monkeypatch):
    monkeypatch.setattr(module, "MAX_UNREAD_BYTES", 2_000)

    async def main():
        async with open_server() as house, Caller(house.url) as caller:
            transport = caller._pc.sctp.transport

            async def nothing(data):
                pass

            transport._send_data = nothing  # not even an acknowledgement
            await house.empty()

    asyncio.run(main())
