"""The recogniser as sessions see it: turns, forks, partial texts, bad luck."""

from collections.abc import Iterator
from itertools import pairwise
from math import log
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from benchmarks.nemo_nemotron import hear, murmur, padded  # noqa: E402
from voiceagent.engines.asr.contract import Transcript  # noqa: E402
from voiceagent.engines.asr.nemotron.engine import NemotronEngine  # noqa: E402
from voiceagent.engines.asr.nemotron.geometry import FRAME_S, Geometry  # noqa: E402
from voiceagent.engines.asr.nemotron.track import Token  # noqa: E402
from voiceagent.engines.asr.nemotron.words import confidence_of  # noqa: E402
from voiceagent.engines.contract import StreamFailed  # noqa: E402
from voiceagent.errors import VoiceAgentError  # noqa: E402
from voiceagent.testing.engine_contract import Check, contract, kinds  # noqa: E402
from voiceagent.testing.engine_contract.driving import NOW, SOON, Heard, drive, opened  # noqa: E402

pytestmark = pytest.mark.nemo
BABBLES_IN_SILENCE = (kinds.hears_no_words_in_silence, kinds.forgets_a_committed_turn)
"""What random weights cannot keep to."""


@pytest.fixture(scope="module")
def model(nemotron_model: Any) -> Any:
    return nemotron_model


GEOMETRY = Geometry(70, 1)
TAIL_MS = 160
TAIL = TAIL_MS * 16


@pytest.fixture(scope="module")
def engine(model: Any) -> NemotronEngine:
    engine = NemotronEngine(lambda: model, max_streams=4, tail_ms=TAIL_MS)
    engine.load()
    return engine


@pytest.fixture(autouse=True)
def nothing_is_left_behind(engine: NemotronEngine) -> Iterator[None]:
    yield
    assert engine.pending(NOW) is None
    assert sorted(engine._free) == list(range(8))


@pytest.mark.parametrize(
    "check", [c for c in contract("asr") if c not in BABBLES_IN_SILENCE], ids=lambda check: check.__name__
)
def test_it_does_what_every_recogniser_must(engine: NemotronEngine, check: Check) -> None:
    check(engine)


def nemos(model: Any, pcm: Any) -> str:
    """Return the text NeMo hears in audio with the silence after it that a fork is given."""
    heard = hear(model, padded(pcm, GEOMETRY, TAIL), GEOMETRY)
    return str(model.tokenizer.ids_to_text(heard.tokens)).strip()


def finals(heard: Heard) -> list[Transcript]:
    return [event for event in heard.of(Transcript) if event.fork is not None]


def push(stream: Any, pcm: Any, piece: int = 320) -> None:
    for start in range(0, len(pcm), piece):
        stream.push(pcm[start : start + piece])


def test_a_final_text_is_what_nemo_hears_and_forks_leave_no_trace(model: Any, engine: NemotronEngine) -> None:
    pcm = murmur(6.0, seed=11)
    ends = (9_000, 33_333, 64_000, len(pcm))
    with opened(engine) as (stream, heard):
        for number, (start, end) in enumerate(pairwise((0, *ends)), 1):
            push(stream, pcm[start:end])
            stream.finalise(number, SOON)
            drive(engine)
        assert [event.fork for event in finals(heard)] == [1, 2, 3, 4]
        assert [event.text for event in finals(heard)] == [nemos(model, pcm[:end]) for end in ends]
        assert len(finals(heard)[-1].text) > 40


def test_the_stream_is_the_same_bit_for_bit_with_and_without_forks(engine: NemotronEngine) -> None:
    pcm = murmur(4.0, seed=12)
    states = []
    for forks in (False, True):
        with opened(engine) as (stream, _):
            for number, start in enumerate(range(0, len(pcm), 4_000)):
                push(stream, pcm[start : start + 4_000])
                if forks:
                    stream.finalise(number, SOON)
                drive(engine)
            assert engine._recogniser is not None
            states.append(engine._recogniser.snapshot(stream.track.slot))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_the_next_turn_has_what_the_last_had_not_and_keeps_its_context(model: Any, engine: NemotronEngine) -> None:
    first, second = murmur(2.0, seed=13), murmur(2.0, seed=14)
    with opened(engine) as (stream, heard):
        push(stream, first)
        stream.finalise(1, SOON)
        drive(engine)
        stream.commit()
        push(stream, second)
        stream.finalise(2, SOON)
        drive(engine)
        one, two = finals(heard)
        whole = hear(model, padded(np.concatenate((first, second)), GEOMETRY, TAIL), GEOMETRY)
        later = [id_ for id_, frame in zip(whole.tokens, whole.frames, strict=True) if frame * FRAME_S >= 2.0]
        assert one.text == nemos(model, first)
        assert two.text.endswith(str(model.tokenizer.ids_to_text(later[5:])).strip())
        assert all(word.start_s >= 2.0 - FRAME_S for word in two.words)


@pytest.mark.parametrize("right_context", [0, 1, 6, 13])
def test_what_was_spoken_is_heard_alike_however_long_the_silence_after_it_is(model: Any, right_context: int) -> None:
    """The look-ahead ends with the chunk: a longer tail can only bring tokens that the decoder gives late."""
    pcm = murmur(2.5, seed=26)
    heard = []
    for tail_ms in (0, 2_000):
        engine = NemotronEngine(lambda: model, right_context=right_context, max_streams=1, tail_ms=tail_ms)
        engine.load()
        with opened(engine) as (stream, events):
            push(stream, pcm)
            stream.finalise(1, SOON)
            drive(engine)
            heard.append([word for word in finals(events)[0].words if word.end_s <= 2.5])
    assert heard[0]
    assert heard[0] == heard[1]


def test_words_carry_the_times_at_which_they_were_heard(engine: NemotronEngine) -> None:
    with opened(engine) as (stream, heard):
        push(stream, murmur(3.0, seed=15))
        stream.finalise(1, SOON)
        drive(engine)
        (final,) = finals(heard)
        assert final.words
        assert "".join(word.text for word in final.words) == final.text.replace(" ", "")
        assert all(0 <= word.start_s < word.end_s <= 3.5 for word in final.words)
        assert all(a.start_s <= b.start_s for a, b in pairwise(final.words))


def test_partial_texts_grow_and_never_take_back_a_letter(engine: NemotronEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.begin_speech()
        pcm = murmur(12.0, seed=16)
        for start in range(0, len(pcm), 1_600):
            push(stream, pcm[start : start + 1_600])
            drive(engine)
        texts = [event.text for event in heard.of(Transcript)]
        assert len(texts) >= 3
        assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
        stream.finalise(1, SOON)
        drive(engine)
        assert finals(heard)[0].text.startswith(texts[-1])


def test_chunks_of_all_sessions_share_one_step_and_forks_go_before_them(engine: NemotronEngine) -> None:
    with opened(engine) as (a, _), opened(engine) as (b, _), opened(engine) as (c, _):
        for stream in (a, b, c):
            push(stream, murmur(0.2, seed=17))
        batch = engine.pending(NOW)
        assert batch is not None
        assert batch.cost_key == ("asr.chunk", 4)
        assert set(batch.streams) == {a.number, b.number, c.number}
        drive(engine)
        push(a, murmur(0.3, seed=18))
        b.finalise(1, SOON)
        batch = engine.pending(NOW)
        assert batch is not None
        assert (batch.cost_key, batch.streams, batch.deadline) == (("asr.chunk", 1), (b.number,), SOON)
        drive(engine)


def test_a_step_takes_as_many_streams_as_fit_the_most_urgent_first(engine: NemotronEngine) -> None:
    with opened(engine) as (a, _), opened(engine) as (b, _), opened(engine) as (c, _):
        for stream in (c, a, b):
            push(stream, murmur(0.2, seed=17))
            engine.pending(NOW - stream.number)  # from now on its chunk is due
        batch = engine.pending(NOW)
        assert batch is not None
        two = engine.shrink(batch, lambda key: key[1] < 4)
        assert (two.cost_key, two.streams) == (("asr.chunk", 2), (c.number, b.number))
        assert engine.shrink(batch, lambda key: True) is batch
        engine.deliver(two, engine.run(two))
        rest = engine.pending(NOW)
        assert rest is not None
        assert rest.streams == (a.number,)
        drive(engine)


def test_a_chunk_is_due_when_the_next_one_has_been_spoken(engine: NemotronEngine) -> None:
    with opened(engine) as (stream, _):
        push(stream, murmur(0.1, seed=19))
        first = engine.pending(NOW)
        again = engine.pending(NOW + 0.01)
        assert first is not None
        assert again is not None
        assert first.deadline == again.deadline == pytest.approx(NOW + 0.16)
        drive(engine)


@pytest.mark.parametrize(
    "bad",
    [
        np.full(8_000, np.nan, np.float32),
        np.full(8_000, np.inf, np.float32),
        np.full(8_000, 3e38, np.float32),
        np.full(8_000, 0.9, np.float32),
        np.sign(murmur(0.5, seed=1)).astype(np.float32),
        np.zeros(8_000, np.float32),
        np.zeros(0, np.float32),
        np.zeros(1, np.float32),
    ],
    ids=["nan", "inf", "huge", "dc", "clipped", "silence", "nothing", "one"],
)
def test_bad_audio_ends_in_a_text_and_harms_no_other_session(model: Any, engine: NemotronEngine, bad: Any) -> None:
    pcm = murmur(2.0, seed=20)
    with opened(engine) as (good, heard), opened(engine) as (odd, odd_heard):
        for start in range(0, len(pcm), 4_000):
            push(good, pcm[start : start + 4_000])
            odd.push(bad)
            drive(engine)
        good.finalise(1, SOON)
        odd.finalise(1, SOON)
        drive(engine)
        assert finals(heard)[0].text == nemos(model, pcm)
        assert [event.fork for event in finals(odd_heard)] == [1]
        assert not odd_heard.of(StreamFailed)


@pytest.mark.parametrize("piece", [1, 7, 333, 50_000])
def test_how_the_audio_is_cut_does_not_matter(model: Any, engine: NemotronEngine, piece: int) -> None:
    pcm = murmur(1.0, seed=21)
    with opened(engine) as (stream, heard):
        push(stream, pcm, piece)
        stream.finalise(1, SOON)
        drive(engine)
        assert finals(heard)[0].text == nemos(model, pcm)


def test_numbers_that_break_down_cost_one_stream_its_context_and_no_more(
    model: Any, engine: NemotronEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pcm = murmur(2.0, seed=22)
    with opened(engine) as (good, heard), opened(engine) as (bad, bad_heard):
        for stream in (good, bad):
            push(stream, pcm[:16_000])
        batch = engine.pending(NOW)
        assert batch is not None
        results = engine.run(batch)
        row = batch.streams.index(bad.number)
        results[row] = type(results[row])((), (), (), finite=False)
        engine.deliver(batch, results)
        push(good, pcm[16_000:])
        good.finalise(1, SOON)
        drive(engine)
        assert [type(event) for event in bad_heard.events] == [StreamFailed]
        assert finals(heard)[0].text == nemos(model, pcm)
        push(bad, pcm)
        bad.finalise(2, SOON)
        drive(engine)
        assert finals(bad_heard)[0].text == nemos(model, pcm), "it begins to listen again where it broke down"


def test_a_failed_step_costs_only_the_streams_that_were_in_it(model: Any, engine: NemotronEngine) -> None:
    pcm = murmur(1.5, seed=23)
    with opened(engine) as (hit, hit_heard):
        push(hit, pcm)
        batch = engine.pending(NOW)
        assert batch is not None
        with opened(engine) as (spared, spared_heard):
            push(spared, pcm)
            engine.fail(batch, RuntimeError("out of memory"))
            spared.finalise(1, SOON)
            drive(engine)
            assert finals(spared_heard)[0].text == nemos(model, pcm)
        assert [type(event) for event in hit_heard.events] == [StreamFailed]


def test_a_recogniser_that_is_a_minute_behind_says_so_and_listens_anew(model: Any, engine: NemotronEngine) -> None:
    pcm = murmur(1.0, seed=24)
    with opened(engine) as (stream, heard):
        for _ in range(61):
            stream.push(np.zeros(16_000, np.float32))
        (failure,) = heard.events
        assert "more than 60 s behind" in str(failure.error)
        assert engine.pending(NOW) is None
        push(stream, pcm)
        stream.finalise(1, SOON)
        drive(engine)
        assert finals(heard)[0].text == nemos(model, pcm)


def test_one_session_too_many_is_refused(engine: NemotronEngine) -> None:
    streams = [engine.open(lambda event: None) for _ in range(4)]
    with pytest.raises(VoiceAgentError, match="All 4 places of the recogniser are taken"):
        engine.open(lambda event: None)
    for stream in streams:
        stream.close()


def test_half_an_hour_without_a_pause_costs_as_much_at_its_end_as_at_its_beginning(engine: NemotronEngine) -> None:
    minute = murmur(60.0, seed=25)
    with opened(engine) as (stream, heard):
        kept = []
        for _ in range(30):
            stream.push(minute)
            kept.append(len(drive(engine)))
            stream.track._audio = stream.track._audio.copy()
            assert len(stream.track._audio) < 8 * GEOMETRY.window_samples, "audio that was heard is let go"
        assert max(kept) - min(kept) <= 1, "a minute is as many steps, early or late"
        stream.finalise(1, SOON)
        drive(engine)
        assert finals(heard)


def test_a_final_says_how_sure_it_is_and_a_partial_does_not(engine: NemotronEngine) -> None:
    with opened(engine) as (stream, heard):
        stream.begin_speech()
        push(stream, murmur(2.0, seed=23))
        drive(engine)
        stream.finalise(1, SOON)
        drive(engine)
        finals = [event for event in heard.events if isinstance(event, Transcript) and event.fork is not None]
        partials = [event for event in heard.events if isinstance(event, Transcript) and event.fork is None]
        (final,) = finals
        assert final.text
        assert final.confidence is not None
        assert 0 < final.confidence < 1
        assert all(partial.confidence is None for partial in partials)


def test_confidence_is_the_geometric_mean_of_the_tokens_probabilities() -> None:
    assert confidence_of([Token(1, 0, log(0.9)), Token(2, 0, log(0.4))]) == pytest.approx(0.6)
    assert confidence_of([]) is None
