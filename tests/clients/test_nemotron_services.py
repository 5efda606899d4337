"""Bots written for the services of the Nemotron voice agent example, on Pipecat 0.0.98, against the services' ports."""

import asyncio
import socket

import programs
import pytest
from loopback import open_server

pytestmark = [pytest.mark.clients, pytest.mark.realtime]

TIMES = 100
FIRST, SECOND = "Hello, can you hear me?", "Tell me something about the sea."
WORD_MS = 300


def free_ports(count):
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


@pytest.fixture(scope="module")
def said():
    """Run every scenario once, in one process; return what each printed."""

    async def main():
        stt, tts, llm = free_ports(3)
        services = (f"services.stt_port={stt}", f"services.tts_port={tts}", f"services.llm_port={llm}")
        async with open_server(*services, "server.speech_streams=3", "asr.partial_interval_ms=0"):
            urls = (f"ws://127.0.0.1:{stt}", f"http://127.0.0.1:{tts}", f"http://127.0.0.1:{llm}")
            return await programs.run_python("pipecat", "nemotron_client.py", *urls, str(TIMES), timeout_s=300)

    lines = asyncio.run(main())
    return {scenario: [line for line in lines if line["scenario"] == scenario] for scenario in SCENARIOS}


SCENARIOS = ("transcripts", "speech", "conversation", "interruptions")


def test_each_turn_is_transcribed_and_never_so_late_that_the_bot_waits_in_vain(said):
    first, second, nothing = said["transcripts"]
    assert (first["final"], second["final"], nothing["final"]) == ([FIRST], [SECOND], [])
    assert all(FIRST.startswith(text) for text in first["interim"])
    assert nothing["late"] == 0


def test_the_first_segment_is_streamed_and_the_others_come_in_batches(said):
    answer, next_answer = said["speech"]
    assert (answer["modes"], next_answer["modes"]) == (["stream", "batch"], ["stream"])
    assert abs(answer["ms"] - 5 * WORD_MS) <= 5
    assert abs(next_answer["ms"] - WORD_MS) <= 5
    assert answer["errors"] == next_answer["errors"] == []


def test_a_conversation_goes_through_all_three_a_sentence_at_a_time(said):
    first, second, end = said["conversation"]
    assert (first["user"], second["user"]) == (FIRST, SECOND)
    assert first["answer"] == f"You said: {FIRST} That was turn 1."
    assert second["answer"] == f"You said: {SECOND} That was turn 2."
    assert first["modes"] == second["modes"] == ["stream", "batch"]
    assert abs(first["ms"] - 11 * WORD_MS) <= 10
    assert end["requests"] == 6
    assert end["late"] == 0


def test_nothing_of_an_interrupted_answer_is_heard_in_a_hundred_interruptions(said):
    *answers, _ = said["interruptions"]
    assert len(answers) == TIMES
    assert [answer for answer in answers if abs(answer["ms"] - answer["words"] * WORD_MS) > 5] == []
