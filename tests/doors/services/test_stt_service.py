"""The STT service: what a client hears of its audio, message by message."""

import asyncio

import pytest
from loopback import open_server
from service_clients import client, none_lent, silence, tone

from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.testing import scripted_engines

FIRST, SECOND = "Hello, can you hear me?", "Tell me something about the sea."


def run(talk, *sets, path="/"):
    async def main():
        async with open_server(*sets) as house, client(house, path) as stt:
            assert await stt.next() == {"type": "ready"}
            await talk(stt)

    asyncio.run(main())


def final(text, finalize=True):
    return {"type": "transcript", "text": text, "is_final": True, "finalize": finalize}


async def answer(stt):
    """Return the final transcript, and the partial ones before it."""
    partials = []
    while not (message := await stt.next())["is_final"]:
        partials.append(message["text"])
    return message, partials


def test_a_hard_reset_gives_what_was_said_since_the_last_one():
    async def talk(stt):
        for text, seconds in ((FIRST, 2.0), (SECOND, 2.0)):
            await stt.send(silence(0.5) + tone(seconds) + silence(0.3))
            await stt.send(type="reset", finalize=True)
            message, partials = await answer(stt)
            assert message == final(text)
            assert all(text.startswith(partial) for partial in partials)

    run(talk)


def test_a_soft_reset_keeps_the_state_and_its_text_is_cumulative():
    async def talk(stt):
        await stt.send(silence(0.5) + tone(0.7) + silence(0.3))
        await stt.send(type="reset", finalize=False)
        message, _ = await answer(stt)
        assert message == final("Hello, can", finalize=False)
        await stt.send(tone(1.0) + silence(0.3))
        await stt.send(type="reset", finalize=False)
        message, _ = await answer(stt)
        assert message == final(FIRST, finalize=False)
        await stt.send(type="reset")
        message, _ = await answer(stt)
        assert message == final(FIRST)

    run(talk)


def test_every_reset_is_answered_in_order_even_where_one_overtakes_another():
    async def talk(stt):
        await stt.send(silence(0.5) + tone(2.0) + silence(0.3))
        await stt.send(type="reset", finalize=False)
        await stt.send(type="reset", finalize=False)
        await stt.send(type="reset", finalize=True)
        await stt.send(type="end")
        answers = [(await answer(stt))[0] for _ in range(4)]
        assert [message["finalize"] for message in answers] == [False, False, True, True]
        assert answers[2:] == [final(FIRST), final("")]

    run(talk)


def test_a_hard_reset_after_a_soft_one_in_silence_costs_no_second_recognition():
    async def main():
        async with open_server() as house, client(house, "/") as stt:
            assert await stt.next() == {"type": "ready"}
            await stt.send(silence(0.5) + tone(2.0) + silence(0.2))
            for finalize in (False, True):
                await stt.send(type="reset", finalize=finalize)
                message, _ = await answer(stt)
                assert message == final(FIRST, finalize=finalize)
                await stt.send(silence(0.1))
            assert [step.key[0] for step in house.agent.steps.since(0.0)].count("asr.final") == 1

    asyncio.run(main())


def test_a_hard_reset_of_nothing_is_answered_too():
    async def talk(stt):
        await stt.send(type="reset", finalize=True)
        assert await stt.next() == final("")
        await stt.send(silence(1.0))
        await stt.send(type="reset")
        assert await stt.next() == final("")

    run(talk)


def test_audio_may_come_in_pieces_of_any_length_and_faster_than_it_is_spoken():
    async def talk(stt):
        audio = silence(3.0) + tone(2.0) + silence(0.2)
        for start in range(0, len(audio), 334):
            await stt.send(audio[start : start + 334])
        await stt.send(type="reset")
        message, _ = await answer(stt)
        assert message == final(FIRST)

    run(talk)


def test_speech_that_goes_on_over_a_reset_belongs_to_the_next_transcript():
    async def talk(stt):
        await stt.send(silence(0.5) + tone(1.0))
        await stt.send(type="reset")
        message, _ = await answer(stt)
        assert message == final("Hello, can you")
        await stt.send(tone(1.0))
        partial = await stt.next()  # though no new speech began
        assert not partial["is_final"]
        assert SECOND.startswith(partial["text"])
        await stt.send(tone(1.0) + silence(0.3))
        await stt.send(type="reset")
        message, _ = await answer(stt)
        assert message == final(SECOND)

    run(talk, "asr.partial_interval_ms=0")


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        "[1]",
        '{"type": "init"}',
        "{}",
        '{"type": "reset", "finalize": "no"}',
        "[" * 31_000,
        "x" * 32_001,
        b"\x00",
    ],
)
def test_a_message_that_makes_no_sense_is_an_error_and_changes_nothing(message):
    async def talk(stt):
        await stt.send(silence(0.5) + tone(2.0))
        await stt.send(message)
        while (error := await stt.next())["type"] != "error":
            pass
        assert error["message"]
        await stt.send(silence(0.3))
        await stt.send(type="reset")
        message_, _ = await answer(stt)
        assert message_ == final(FIRST)

    run(talk)


def test_a_client_for_whom_there_is_no_place_is_told_so_and_turned_away():
    async def main():
        async with (
            open_server("server.speech_streams=1") as house,
            client(house, "/") as first,
            client(house, "/") as second,
        ):
            assert await first.next() == {"type": "ready"}
            error = await second.next()
            assert error["type"] == "error"
            assert "server.speech_streams" in error["message"]
            assert await second.closed() == 1013

    asyncio.run(main())


def test_a_client_that_vanishes_gives_its_place_back():
    async def main():
        async with open_server("server.speech_streams=1") as house:
            for _ in range(3):
                async with client(house, "/") as stt:
                    assert await stt.next() == {"type": "ready"}
                    await stt.send(tone(1.0))
                await none_lent(house)

    asyncio.run(main())


def test_a_recogniser_that_fails_is_told_and_the_reset_is_answered_all_the_same():
    class Failing(ScriptedAsr):
        fails = True

        def run(self, batch):
            if self.fails:
                raise RuntimeError("scripted to fail")
            return super().run(batch)

    asr = Failing([FIRST], partial_interval_s=None, sleep=lambda seconds: None)

    async def main():
        async with open_server(engines=scripted_engines(asr=asr)) as house, client(house, "/") as stt:
            assert await stt.next() == {"type": "ready"}
            await stt.send(silence(0.5) + tone(2.0) + silence(0.2))
            await stt.send(type="reset")
            assert (await stt.next())["type"] == "error"
            assert await stt.next() == final("")
            asr.fails = False
            await stt.send(silence(0.5) + tone(2.0) + silence(0.2))
            await stt.send(type="reset")
            assert await stt.next() == final(FIRST)

    asyncio.run(main())


def test_the_path_is_a_setting():
    async def talk(stt):
        await stt.send(type="reset")
        assert await stt.next() == final("")

    run(talk, "services.stt_path=/stt", path="/stt")
