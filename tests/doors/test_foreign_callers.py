"""Callers as others bring them: without Opus, with several senders, without a data channel, gone without a word."""

import asyncio

import numpy as np
import pytest
from foreign_caller import ForeignCaller, loudest_hz
from loopback import open_server

from voiceagent.audio.receive import RATE
from voiceagent.doors.webrtc import peer as peer_module

pytestmark = pytest.mark.realtime
PATIENCE_S = 30


@pytest.fixture
def heard(monkeypatch):
    """What the server's sessions hear, in chunks."""
    chunks = []
    hear = peer_module.Peer._hear

    def listening(peer, pcm):
        chunks.append(pcm)
        hear(peer, pcm)

    monkeypatch.setattr(peer_module.Peer, "_hear", listening)
    return chunks


async def until(condition):
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - packets have no event
            await asyncio.sleep(0.02)


def seconds(chunks, rate):
    return sum(map(len, chunks)) / max(1, rate)


def loud_part(caller):
    """What was heard of the agent, from its first sound on."""
    said = np.concatenate([*caller.heard, np.zeros(0)])
    loud = np.flatnonzero(np.abs(said) > 0.02)
    return said[loud[0] :] if len(loud) else said[:0]


def call(scene, *sets, **caller):
    async def main():
        greeting = "session.greeting='One two three four five six seven eight nine ten.'"
        async with open_server(greeting, *sets) as house, ForeignCaller(house.url, **caller) as foreign:
            await scene(house, foreign)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("codecs", "spoken"),
    [("PCMU", "PCMU"), ("PCMA", "PCMA"), ("G722", "G722"), ("PCMU opus", "PCMU"), ("opus PCMA", "opus")],
)
def test_callers_of_every_codec_are_heard_and_spoken_to(heard, codecs, spoken):
    async def scene(house, caller):
        await until(lambda: len(loud_part(caller)) > caller.rate)
        word = loud_part(caller)[caller.rate // 10 :][: caller.rate // 2]
        hz, share = loudest_hz(word, caller.rate)
        assert 50 < hz < 1000
        assert np.abs(np.diff(word)).max() < 0.1, "noise"
        caller.sing()
        await until(lambda: np.abs(np.concatenate([np.zeros(RATE), *heard])[-RATE // 50 :]).max() > 0.1)
        begun = seconds(heard, RATE)
        await until(lambda: seconds(heard, RATE) > begun + 2)
        hz, share = loudest_hz(np.concatenate(heard)[-RATE:], RATE)
        assert hz == pytest.approx(440, abs=2)
        assert share > 0.98
        (session,) = await house.sessions()
        assert session["receive"]["corrupt"] == 0
        encoder = caller.transceivers[0].sender._RTCRtpSender__encoder
        assert type(encoder).__name__.lower().startswith(spoken.lower())

    call(scene, codecs=codecs.split())


@pytest.mark.parametrize("named", [True, False])
def test_of_two_senders_one_is_heard_and_the_other_when_it_has_stopped(heard, named):
    async def scene(house, caller):
        caller.sing()
        await until(lambda: np.abs(np.concatenate([np.zeros(RATE), *heard])[-RATE // 50 :]).max() > 0.1)
        begun = seconds(heard, RATE)
        await until(lambda: seconds(heard, RATE) > begun + 2)
        before = np.concatenate(heard)
        hz, share = loudest_hz(before[-RATE:], RATE)
        assert round(hz) in (440, 1000)
        assert share > 0.98
        first = 0 if round(hz) == 440 else 1
        caller.transceivers[first].sender.replaceTrack(None)
        await until(lambda: seconds(heard, RATE) > len(before) / RATE + 2)
        hz, share = loudest_hz(np.concatenate(heard)[-RATE:], RATE)
        assert round(hz) == (1000 if first == 0 else 440)
        assert share > 0.98

    call(scene, tones=(440, 1000), named=named)


def test_a_caller_whose_sound_arrives_needs_no_channel_and_no_pings(monkeypatch):
    monkeypatch.setattr(peer_module, "GONE_S", 3.0)

    async def scene(house, caller):
        await until(lambda: seconds(caller.heard, caller.rate) > 7)
        assert len(await house.sessions()) == 1
        caller.vanish()
        await house.empty()

    call(scene)
