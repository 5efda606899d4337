"""Scripted engines on a device that works in batches: who shares a step, and who does not."""

import pytest

from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.llm.contract import Completed, Message, Token
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.scripted import JOIN_WITHIN_S
from voiceagent.engines.timing import CostTable
from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.engines.tts.scripted.engine import ScriptedTts

TABLE = CostTable(
    {"llm.prefill": {1: 0.1}, "llm.decode": {1: 0.01, 3: 0.03}, "tts.segment": {1: 0.02, 4: 0.04}},
)
HELLO = (Message("user", "Hello"),)


def make_llm(reply=lambda messages: "One two"):
    return ScriptedLlm(reply, timing=TABLE, sleep=lambda seconds: None)


def run(engine, now=0.0):
    batch = engine.pending(now)
    engine.deliver(batch, engine.run(batch))
    return batch


def decoding(engine, *deadlines):
    """Open a stream for each deadline, all of them past their prefill."""
    heard = []
    for deadline in deadlines:
        events = []
        heard.append(events)
        stream = engine.open(events.append)
        stream.generate(1, HELLO, -100.0)
        run(engine)
        stream.reschedule(1, deadline)
    return heard


def test_a_cost_between_two_known_sizes_is_interpolated():
    assert TABLE.cost_s(("llm.decode", 2)) == pytest.approx(0.02)
    assert TABLE.batch_limit("llm.decode") == 3
    with pytest.raises(KeyError):
        TABLE.cost_s(("nonsense", 1))


def test_streams_that_are_due_together_share_every_step():
    engine = make_llm()
    heard = decoding(engine, 0.0, 0.0, 0.0)
    batches = [run(engine) for _ in range(3)]
    assert [batch.cost_key for batch in batches] == [("llm.decode", 3)] * 3
    assert heard == [[Token(1, "One"), Token(1, " two"), Completed(1, "stop")]] * 3
    assert engine.pending(0.0) is None


def test_a_step_takes_no_more_streams_than_the_device_does():
    engine = make_llm()
    decoding(engine, 0.0, 0.0, 0.0, 0.0)
    assert run(engine).streams == (0, 1, 2)


def test_what_is_due_much_later_does_not_make_an_urgent_step_longer():
    engine = make_llm()
    decoding(engine, 0.0, JOIN_WITHIN_S + 1.0, JOIN_WITHIN_S)
    assert engine.pending(0.0).streams == (0, 2)


def test_a_prepared_reply_does_not_make_an_urgent_step_longer():
    engine = make_llm()
    heard = []
    engine.open(heard.append).generate(1, HELLO, 0.0, need=Need.SPECULATIVE)
    run(engine)
    decoding(engine, 0.0)
    batch = engine.pending(0.0)
    assert (batch.streams, batch.need) == ((1,), Need.AWAITED)


def test_work_in_the_background_makes_no_guess_longer():
    engine = make_llm()
    for need in (Need.BACKGROUND, Need.SPECULATIVE):
        engine.open(lambda event: None).generate(1, HELLO, 0.0, need=need)
    batch = engine.pending(0.0)
    assert (batch.streams, batch.need) == ((1,), Need.SPECULATIVE)


def test_prefill_and_decoding_are_never_in_one_step():
    engine = make_llm()
    decoding(engine, 0.0)
    engine.open(lambda event: None).generate(1, HELLO, 0.0)
    assert len(engine.pending(0.0).streams) == 1


def test_two_segments_of_one_voice_follow_each_other():
    engine = ScriptedTts(timing=TABLE, sleep=lambda seconds: None)
    heard = []
    stream = engine.open(heard.append)
    stream.speak(1, 0, "one", 0.0)
    stream.speak(1, 1, "two", 0.0)
    assert engine.pending(0.0).cost_key == ("tts.segment", 1)
    run(engine)
    run(engine)
    assert [event.segment for event in heard if isinstance(event, SpeechAudio)] == [0, 1]


def test_a_stream_that_raises_spoils_no_other_of_its_batch():
    def reply(messages):
        if messages[-1].content == "bad":
            raise ValueError("not this one")
        return "Fine"

    engine = ScriptedLlm(
        reply, timing=CostTable({"llm.prefill": {4: 0.1}, "llm.decode": {4: 0.1}}), sleep=lambda seconds: None
    )
    bad, good = [], []
    engine.open(bad.append).generate(1, (Message("user", "bad"),), 0.0)
    engine.open(good.append).generate(2, HELLO, 0.0)
    while engine.pending(0.0):
        run(engine)
    assert isinstance(bad[0], StreamFailed)
    assert bad[0].tag == 1
    assert good == [Token(2, "Fine"), Completed(2, "stop")]


def test_a_stream_cancelled_during_a_shared_step_hears_nothing_of_it():
    engine = make_llm()
    streams = []
    heard = [[], []]
    for events in heard:
        streams.append(engine.open(events.append))
        streams[-1].generate(1, HELLO, -100.0)
        run(engine)
        streams[-1].reschedule(1, 0.0)
    batch = engine.pending(0.0)
    results = engine.run(batch)
    streams[0].cancel(1)
    engine.deliver(batch, results)
    assert heard == [[], [Token(1, "One")]]
    assert engine.pending(0.0).streams == (1,)
