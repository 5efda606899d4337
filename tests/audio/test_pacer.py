"""Audio sent ahead of time, in virtual time: its pace, its lead, and what counts as heard."""

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paced_talk import RATE, WORD_S, Speaking, numbers, pacing, play

from voiceagent.audio import Playout, SpeechChunk, WordHeard
from voiceagent.audio.pacer import FRAME_S, LEAD_S, Pacer
from voiceagent.audio.playout import REWIND_S
from voiceagent.scheduler.virtual import run_virtual


def test_what_is_said_arrives_whole_in_order_and_as_fast_as_it_is_played():
    async def scene(speaking, client):
        speaking.say(3.0)
        speaking.playout.finish(1)
        speaking.playout.release(1)
        await asyncio.sleep(2.0)
        assert len(numbers(client.played())) == pytest.approx(2.0 * RATE, abs=FRAME_S * RATE)
        await asyncio.sleep(2.0)
        assert np.array_equal(numbers(client.played()), np.arange(3 * RATE))
        assert client.gaps_s() == []
        assert client.most_ahead_s == pytest.approx(LEAD_S)
        assert not client.clears

    play(scene)


def test_the_lead_is_won_at_twice_the_pace_and_kept_frame_by_frame():
    async def scene(speaking, client):
        speaking.say(3.0)
        speaking.playout.release(1)
        await asyncio.sleep(2.0)
        times = np.array([at for at, _ in client.sent])
        for start in np.arange(0.0, 1.9, FRAME_S):
            assert np.count_nonzero((times > start - 1e-6) & (times < start + FRAME_S - 1e-6)) <= 2
        won = times[round(LEAD_S / FRAME_S)]
        assert won < 0.2, "all of the lead is there soon"
        assert np.diff(times[30:]) == pytest.approx(FRAME_S), "and then it is one frame after the other"

    play(scene)


def test_nothing_is_sent_while_there_is_nothing_to_say():
    async def scene(speaking, client):
        await asyncio.sleep(1.0)
        speaking.say(0.5)
        await asyncio.sleep(1.0)
        assert not client.sent, "not before it is released"
        speaking.playout.finish(1)
        speaking.playout.release(1)
        await asyncio.sleep(2.0)
        assert len(client.sent) <= 0.5 / FRAME_S + 1, "and not after its end"

    play(scene)


def test_the_end_is_the_end_of_playing_not_of_sending():
    async def scene(speaking, client):
        speaking.say(1.0)
        speaking.playout.finish(1)
        speaking.playout.release(1)
        await asyncio.sleep(0.9)
        assert len(client.sent) * FRAME_S == pytest.approx(1.0), "all of it is out"
        assert not speaking.drained()
        await asyncio.sleep(0.3)
        assert speaking.drained() == [pytest.approx(client.sent[0][0] + 1.0, abs=1.5 * FRAME_S)]
        speaking.playout.stop(1)
        await asyncio.sleep(0.1)
        assert not client.clears, "there is nothing to forget"

    play(scene)


def test_words_are_heard_when_they_are_played_by_half():
    async def scene(speaking, client):
        speaking.say(2.0)
        speaking.playout.release(1)
        await asyncio.sleep(3.0)
        times = [at for at, event in speaking.events if isinstance(event, WordHeard)]
        begun = client.sent[0][0]
        assert times == pytest.approx([begun + (i + 0.5) * WORD_S for i in range(8)], abs=1.5 * FRAME_S)

    play(scene)


def test_a_gap_that_the_client_does_not_notice_is_not_sent():
    async def scene(speaking, client):
        speaking.say(1.0, final=False)
        speaking.playout.release(1)
        await asyncio.sleep(0.85)
        sent = len(client.sent)
        await asyncio.sleep(0.1)
        assert len(client.sent) == sent, "all there was is out, and the client still plays"
        speaking.say(1.0)
        await asyncio.sleep(1.5)
        assert np.array_equal(numbers(client.played()), np.arange(2 * RATE))
        assert client.gaps_s() == []
        assert client.played()[: 2 * RATE].all()
        assert speaking.playout.underruns == 0

    play(scene)


def test_a_gap_that_it_does_notice_is_faded_and_counted_and_the_speech_goes_on_whole():
    async def scene(speaking, client):
        speaking.say(0.5, final=False)
        speaking.playout.release(1)
        await asyncio.sleep(1.5)
        assert speaking.playout.underruns == 1
        speaking.say(0.5)
        speaking.playout.finish(1)
        await asyncio.sleep(1.0)
        heard = client.played()
        assert np.abs(np.diff(heard)).max() < 0.01, "without a click"
        assert len(heard[heard != 0]) >= RATE
        assert speaking.drained()

    play(scene, fade_ms=5.0)


def test_the_pause_between_two_sentences_is_as_long_as_it_should_be():
    async def scene(speaking, client):
        speaking.say(0.5, pause_s=0.25)
        speaking.say(0.5, segment=1)
        speaking.playout.finish(1)
        speaking.playout.release(1)
        await asyncio.sleep(2.0)
        heard = client.played()
        assert np.diff(np.flatnonzero(heard)).max() - 1 == 0.25 * RATE
        assert client.gaps_s() == []

    play(scene)


def test_a_pause_without_a_next_sentence_yet_runs_in_real_time():
    async def scene(speaking, client):
        speaking.say(0.5, pause_s=0.25)
        speaking.playout.release(1)
        await asyncio.sleep(0.6)
        speaking.say(0.5, segment=1)
        await asyncio.sleep(2.0)
        heard = client.played()
        pause_s = (np.diff(np.flatnonzero(heard)).max() - 1) / RATE + sum(client.gaps_s())
        assert pause_s == pytest.approx(0.25, abs=2 * FRAME_S)

    play(scene)


def test_an_interruption_silences_the_client_at_once_and_only_what_it_played_was_heard():
    async def scene(speaking, client):
        speaking.say(3.0)
        speaking.playout.finish(1)
        speaking.playout.release(1)
        await asyncio.sleep(1.01)
        assert client.ahead_s > LEAD_S - 2 * FRAME_S
        heard = speaking.playout.stop(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert client.clears == [pytest.approx(1.01)], "not at the next frame, but now"
        (segment,) = heard.segments
        assert segment.played_s == pytest.approx(1.01 - client.sent[0][0])
        assert round(segment.played_s * RATE) == len(numbers(client.played()))
        assert len(segment.words) == 4, "the fifth was sent and not played"
        sent = len(client.sent)
        await asyncio.sleep(1.0)
        assert len(client.sent) == sent
        assert not speaking.drained()

    play(scene)


def test_a_pause_takes_back_what_was_not_played_and_a_resume_sends_it_again():
    async def scene(speaking, client):
        speaking.say(3.0)
        speaking.playout.finish(1)
        speaking.playout.release(1)
        await asyncio.sleep(1.13)
        speaking.playout.pause()
        await asyncio.sleep(0.5)
        assert len(client.clears) == 1
        cut = len(numbers(client.played()))
        assert cut == pytest.approx(1.13 * RATE, abs=FRAME_S * RATE)
        speaking.playout.resume()
        await asyncio.sleep(3.0)
        heard = numbers(client.played())
        assert np.array_equal(heard[:cut], np.arange(cut))
        again = heard[cut]
        assert 0 < cut - again <= REWIND_S * RATE, "the word that was cut is said again"
        assert again % (WORD_S * RATE) == 0
        assert np.array_equal(heard[cut:], np.arange(again, 3 * RATE))
        assert speaking.drained()
        words = [event.index for _, event in speaking.events if isinstance(event, WordHeard)]
        assert words == list(range(12)), "and no word counts twice"

    play(scene)


def test_a_pause_that_falls_between_two_sentences_goes_on_with_what_is_left_of_it():
    async def scene(speaking, client):
        speaking.say(0.5, pause_s=0.4)
        speaking.say(0.5, segment=1)
        speaking.playout.finish(1)
        speaking.playout.release(1)
        await asyncio.sleep(0.7)
        speaking.playout.pause()
        await asyncio.sleep(1.0)
        speaking.playout.resume()
        await asyncio.sleep(2.0)
        heard = client.played()
        assert np.array_equal(numbers(heard), np.arange(RATE))
        assert np.diff(np.flatnonzero(heard)).max() - 1 == pytest.approx(0.4 * RATE, abs=2)

    play(scene)


def test_a_client_that_does_not_take_its_audio_gets_no_burst_when_it_does():
    async def scene(speaking, client):
        speaking.say(4.0)
        speaking.playout.finish(1)
        speaking.playout.release(1)
        await asyncio.sleep(0.5)
        client.accepts.clear()
        await asyncio.sleep(2.0)
        sent = len(client.sent)
        client.accepts.set()
        await asyncio.sleep(0.05)
        assert len(client.sent) - sent <= 2 * 3, "no more than at the beginning of any response"
        await asyncio.sleep(5.0)
        assert client.most_ahead_s <= LEAD_S + 1e-9
        assert np.array_equal(numbers(client.played()), np.arange(4 * RATE)), "nothing is lost"

    play(scene)


def test_what_a_client_has_not_taken_was_not_heard_and_is_followed_by_the_order_to_forget_it():
    async def scene(speaking, client):
        speaking.say(4.0)
        speaking.playout.release(1)
        await asyncio.sleep(0.5)
        client.accepts.clear()
        await asyncio.sleep(2.0)
        before = len(numbers(client.played()))
        heard = speaking.playout.stop(1)
        assert round(heard.segments[0].played_s * RATE) == before, "it ran dry long ago"
        speaking.say(1.0, generation=2)
        speaking.playout.release(2)
        client.accepts.set()
        await asyncio.sleep(0.1)
        at = client.order.index("clear")
        assert len(client.order) > at + 2, "the next response follows"
        assert len(client.clears) == 1
        fresh = numbers(client.played())[before:]
        assert (fresh >= 4 * RATE).all(), "nothing of the old one is played after it"

    play(scene)


def test_a_listener_who_needs_no_lead_is_served_as_ever():
    async def scene(speaking, client):
        speaking.say(1.0)
        speaking.playout.release(1)
        await asyncio.sleep(0.5)

    play(scene)
    playout = Playout(RATE)
    playout.enqueue(SpeechChunk(1, 0, np.full(RATE, 0.5, np.float32)))
    playout.release(1)
    for _ in range(10):
        playout.pull()
    assert playout.stop(1).segments[0].played_s == pytest.approx(0.2)


def test_whoever_is_gone_ends_the_pacing():
    async def main():
        speaking = Speaking()
        speaking.say(1.0)
        speaking.playout.release(1)

        async def send(frame):
            raise ConnectionError("gone")

        async def clear():
            pass

        with pytest.raises(ConnectionError):
            await Pacer(speaking, send, clear).run()
        speaking.playout.pull()
        assert speaking.playout.stop(1).segments, "the playout follows nobody any more"

    run_virtual(main())


@pytest.mark.parametrize("lead_s", [0.0, 0.19, 0.41, float("nan")])
def test_a_lead_that_makes_no_sense_is_refused(lead_s):
    async def main():
        with pytest.raises(ValueError, match=r"0\.2 to 0\.4 s"):
            Pacer(Speaking(), None, None, lead_s)

    run_virtual(main())


def test_what_is_heard_of_the_first_seconds_can_be_asked_afterwards():
    async def scene(speaking, client):
        speaking.say(1.0, pause_s=0.5)
        speaking.say(1.0, segment=1)
        speaking.playout.finish(1)
        speaking.playout.release(1)
        await asyncio.sleep(4.0)
        within = speaking.playout.heard_within
        assert [len(segment.words) for segment in within(1, 700.0).segments] == [3]
        assert [len(segment.words) for segment in within(1, 1400.0).segments] == [4], "in the pause"
        assert [len(segment.words) for segment in within(1, 2000.0).segments] == [4, 2]
        assert [segment.complete for segment in within(1, 9000.0).segments] == [True, True]
        assert within(2, 700.0) is None

    play(scene)


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["wait", "wait", "say", "pause", "resume", "block", "unblock", "next"]), st.integers(1, 60)
    ),
    min_size=5,
    max_size=30,
)


@settings(max_examples=80)
@given(MOVES, st.sampled_from([0.2, 0.3, 0.4]))
def test_whatever_happens_what_was_heard_is_what_was_played(moves, lead_s):
    async def main():
        speaking = Speaking()
        async with pacing(speaking, lead_s) as client:
            generation, segment = 1, 0
            begin = 0
            speaking.say(0.6, generation)
            speaking.playout.release(generation)
            for move, amount in moves:
                match move:
                    case "wait":
                        await asyncio.sleep(amount / 100)
                    case "say":
                        segment += 1
                        speaking.say(amount / 50, generation, segment, pause_s=amount % 3 / 10)
                    case "pause":
                        speaking.playout.pause()
                    case "resume":
                        speaking.playout.resume()
                    case "block":
                        client.accepts.clear()
                    case "unblock":
                        client.accepts.set()
                    case "next":
                        heard = speaking.playout.stop(generation)
                        played = numbers(client.played())
                        furthest = max((number + 1 for number in played if number >= begin), default=begin)
                        account = round(sum(part.played_s for part in heard.segments) * RATE)
                        assert abs(account - (furthest - begin)) <= 2, "to the rounding of a sample"
                        generation, segment, begin = generation + 1, 0, speaking.made
                        speaking.say(amount / 50, generation)
                        speaking.playout.release(generation)
                assert client.most_ahead_s <= lead_s + 1e-6
            client.accepts.set()

    run_virtual(main())
