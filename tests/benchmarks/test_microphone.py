"""A microphone sends noise until it is spoken into, every 20 ms, and knows when what was sent."""

import asyncio

import numpy as np
import pytest

from voiceagent.audio.opus import OpusDecoder, has_fec
from voiceagent.audio.pcm import level_db
from voiceagent.scheduler.virtual import run_virtual
from voiceagent.testing.webrtc.microphone import FRAME_S, NOISE_DB, Microphone, Said

VOICE = 0.3 * np.sin(2 * np.pi * 300 * np.arange(8_000) / 16_000).astype(np.float32)


def test_a_packet_comes_every_20_ms() -> None:
    async def main() -> list[tuple[float, int]]:
        microphone, loop = Microphone(), asyncio.get_running_loop()
        return [((await microphone.recv()).pts, loop.time()) for _ in range(3)]

    assert [pts for pts, _ in run_virtual(main())] == [0, 960, 1920]
    assert [at for _, at in run_virtual(main())] == pytest.approx([0.0, 0.02, 0.04])


def test_the_room_is_quiet_but_not_dead() -> None:
    async def main() -> float:
        microphone, decoder = Microphone(), OpusDecoder(16_000)
        heard = [decoder.decode(bytes(await microphone.recv())) for _ in range(50)]
        return level_db(np.concatenate(heard[5:]))

    assert run_virtual(main()) == pytest.approx(NOISE_DB, abs=6.0)


def test_speech_ends_with_a_packet_and_is_timed_by_the_packets_it_is_in() -> None:
    async def main() -> tuple[Said, np.ndarray]:
        microphone, decoder = Microphone(), OpusDecoder(16_000)
        await microphone.recv()
        speaking = asyncio.create_task(microphone.say(VOICE[:1000]))
        await asyncio.sleep(0)
        heard = [decoder.decode(bytes(await microphone.recv())) for _ in range(6)]
        return await speaking, np.concatenate(heard)

    said, heard = run_virtual(main())
    assert (said.start, said.end) == pytest.approx((FRAME_S, 4 * FRAME_S))
    assert np.abs(heard[:200]).max() < 0.01  # 1,280 samples in four packets: 280 of padding come first
    assert np.abs(heard[400:1280]).max() > 0.2


def test_a_microphone_that_was_held_up_leaves_the_time_out() -> None:
    async def main() -> float:
        microphone, loop = Microphone(), asyncio.get_running_loop()
        await microphone.recv()
        await asyncio.sleep(5.0)
        await microphone.recv()
        before = loop.time()
        await microphone.recv()
        return loop.time() - before

    assert run_virtual(main()) == pytest.approx(FRAME_S)


def test_redundancy_is_sent_only_when_asked_for() -> None:
    async def main(loss: int | None) -> bool:
        microphone = Microphone()
        if loss is not None:
            microphone.protect(loss)
        speaking = asyncio.create_task(microphone.say(VOICE))
        await asyncio.sleep(0)
        packets = [bytes(await microphone.recv()) for _ in range(25)]
        await speaking
        return any(has_fec(packet) for packet in packets)

    assert run_virtual(main(10))
    assert not run_virtual(main(None))
