"""Magpie as a voice, on a tiny dummy: the contracts, and what is its own."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from voiceagent.engines.contract import Need, StreamFailed
from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.engine_contract import Check, contract
from voiceagent.testing.engine_contract.driving import LATER, NOW, SOON, drive, opened, step

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from tiny_magpie import prepared  # noqa: E402 (needs torch)

from voiceagent.engines.tts.magpie.engine import STEP_S, MagpieEngine  # noqa: E402
from voiceagent.engines.tts.magpie.presets import PRESETS  # noqa: E402

FRAME = 1_024
TEXT = "Hello there, how are you?"


def loaded(stacking: int = 1, **options: Any) -> MagpieEngine:
    engine = MagpieEngine(lambda: prepared(stacking, steps=30), normalize=False, max_streams=4, **options)
    engine.load()
    return engine


@pytest.fixture(scope="module", params=[2], ids=["stacking2"])
def magpie(request: pytest.FixtureRequest) -> Iterator[MagpieEngine]:
    engine = loaded(request.param)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def voice() -> Iterator[MagpieEngine]:
    engine = loaded()
    yield engine
    engine.close()


def pieces(engine: MagpieEngine, text: str, deadline: float = SOON, **how: Any) -> list[SpeechAudio]:
    with opened(engine) as (stream, heard):
        stream.speak(1, 0, text, deadline, **how)
        drive(engine)
        return heard.of(SpeechAudio)


def sound(audio: list[SpeechAudio]) -> Any:
    return np.concatenate([piece.pcm for piece in audio])


@pytest.mark.parametrize("check", contract("tts"), ids=lambda check: check.__name__)
def test_magpie_is_a_voice(magpie: MagpieEngine, check: Check) -> None:
    check(magpie)


def test_the_row_of_a_beginning_that_was_given_up_is_freed_when_it_comes_late(voice: MagpieEngine) -> None:
    for _ in range(5):
        with opened(voice) as (stream, heard):
            stream.speak(1, 0, TEXT, SOON)
            while (batch := voice.pending(NOW)) is not None and batch.cost_key[0] != "tts.begin":
                voice.deliver(batch, voice.run(batch))
            assert batch is not None
            voice.fail(batch, TimeoutError())
            voice.discard(batch, voice.run(batch))
            assert [type(event) for event in heard.events] == [StreamFailed]
    assert pieces(voice, TEXT)


def test_a_segment_sounds_the_same_alone_and_in_company(voice: MagpieEngine) -> None:
    alone = sound(pieces(voice, TEXT))
    with opened(voice) as (one, heard), opened(voice) as (other, _), opened(voice) as (third, _):
        other.speak(1, 0, "Something else, and a good deal longer than that.", LATER)
        third.speak(1, 0, "Short.", LATER)
        for _ in range(12):
            step(voice)
        one.speak(1, 0, TEXT, SOON)
        for _ in range(8):
            step(voice)
        third.cancel(1)
        drive(voice)
        assert np.abs(sound(heard.of(SpeechAudio)) - alone).max() < 1e-4


@pytest.mark.parametrize(
    ("preset", "first", "following"), [("aggressive", 4, 8), ("balanced", 6, 10), ("conservative", 8, 12)]
)
def test_a_preset_says_how_much_sounds_at_once(preset: str, first: int, following: int) -> None:
    engine = loaded(preset=preset)
    sizes = [len(piece.pcm) / FRAME for piece in pieces(engine, TEXT)]
    assert sizes[:2] == [first, following]


def test_with_time_in_hand_pieces_are_larger(voice: MagpieEngine) -> None:
    hurried = pieces(voice, TEXT)
    at_leisure = pieces(voice, TEXT, LATER)
    assert len(at_leisure[0].pcm) == len(hurried[0].pcm)
    assert len(at_leisure[1].pcm) > len(hurried[1].pcm)
    assert np.abs(sound(at_leisure) - sound(hurried)).max() < 1e-4


def test_in_batch_mode_a_segment_comes_in_one_piece_made_in_bounded_steps(magpie: MagpieEngine) -> None:
    text = "Hello there, how are you? " * 3
    with opened(magpie) as (stream, heard):
        stream.speak(1, 0, text, LATER, mode="batch")
        made = [batch.cost_key[1] for batch in drive(magpie) if batch.cost_key[0] == "tts.sound"]
        (whole,) = heard.of(SpeechAudio)
    assert len(made) > 1
    assert max(made) == PRESETS["balanced"].relaxed
    assert sum(made) * FRAME == len(whole.pcm)
    assert np.abs(whole.pcm - sound(pieces(magpie, text))).max() < 1e-4
    assert [word.text for word in whole.words] == text.split()
    assert [word.start_s for word in whole.words] == sorted(word.start_s for word in whole.words)
    assert whole.words[-1].end_s == pytest.approx(len(whole.pcm) / magpie.sample_rate)


def test_a_step_of_sound_is_cut_down_to_fewer_streams_and_then_to_a_shorter_piece(
    voice: MagpieEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = sound(pieces(voice, TEXT))
    monkeypatch.setattr(voice._speaker, "most_sound_rows", lambda frames: 4)
    with opened(voice) as (one, first), opened(voice) as (two, second):
        for stream in (one, two):
            stream.speak(1, 0, TEXT, LATER)
        while len(first.events) + len(second.events) < 2 or (batch := voice.pending(NOW)).cost_key[0] != "tts.sound":
            assert step(voice) is not None
        whole, both = batch.cost_key[1] // 2, batch.streams
        assert len(both) == 2
        fewer = voice.shrink(batch, lambda key: key[1] <= whole)
        assert (fewer.cost_key, fewer.streams) == (("tts.sound", whole), both[:1])
        shorter = voice.shrink(batch, lambda key: key[1] < whole)
        assert (shorter.cost_key, shorter.streams) == (("tts.sound", PRESETS["balanced"].following), both[:1])
        assert voice.shrink(batch, lambda key: True) is batch
        voice.deliver(shorter, voice.run(shorter))
        drive(voice)
        for heard in (first, second):
            assert np.abs(sound(heard.of(SpeechAudio)) - alone).max() < 1e-4


def test_rows_of_several_sessions_share_their_steps(voice: MagpieEngine) -> None:
    with opened(voice) as (one, _), opened(voice) as (two, _):
        one.speak(1, 0, TEXT, SOON)
        two.speak(1, 0, TEXT, SOON)
        batches = drive(voice)
    assert ("tts.decode", 2) in {batch.cost_key for batch in batches}


def test_the_steps_to_a_promised_piece_are_due_before_it(voice: MagpieEngine) -> None:
    with opened(voice) as (stream, heard):
        stream.speak(1, 0, TEXT, SOON, need=Need.PROMISED)
        left = []
        while not heard.events and (batch := step(voice)) is not None:
            left.append(round((SOON - batch.deadline) / STEP_S))
        first = PRESETS["balanced"].first
        assert left == [first + 1, first + 1, *range(first + 1, -1, -1)], "text, beginning, steps, sound"
    with opened(voice) as (stream, _):
        stream.speak(1, 0, TEXT, SOON)
        batch = voice.pending(NOW)
        assert batch is not None
        assert batch.deadline == SOON, "who waits in silence has waited since then"


def test_more_sessions_than_places_wait_and_are_all_heard(voice: MagpieEngine) -> None:
    streams, events = [], []
    for _ in range(6):
        streams.append(voice.open(events.append))
        streams[-1].speak(1, 0, "Hi.", SOON)
    drive(voice)
    assert sum(event.final for event in events) == 6


def test_a_voice_and_a_language_may_be_chosen_for_a_segment(voice: MagpieEngine) -> None:
    assert not np.array_equal(sound(pieces(voice, "Hi.", voice="leo")), sound(pieces(voice, "Hi.", voice="Sofia")))
    with opened(voice) as (stream, _):
        with pytest.raises(VoiceAgentError, match="john, sofia, aria, jason, leo"):
            stream.speak(1, 0, "Hi.", SOON, voice="nobody")
        with pytest.raises(VoiceAgentError, match="one of en"):
            stream.speak(1, 0, "Hi.", SOON, language="tlh")
        assert voice.pending(NOW) is None


@pytest.mark.parametrize(
    ("options", "setting"), [({"voice": "nobody"}, "tts.voice"), ({"language": "tlh"}, "session.language")]
)
def test_an_unknown_voice_or_language_is_refused_when_loading(options: dict[str, str], setting: str) -> None:
    with pytest.raises(VoiceAgentError, match=f"Set {setting}"):
        loaded(**options)


@pytest.mark.parametrize("text", ["", " \n", "🙂 🎉", "...", "\x00\x07", "привет", "—"])
def test_a_text_without_a_sound_is_over_at_once(voice: MagpieEngine, text: str) -> None:
    audio = pieces(voice, text)
    assert [piece.final for piece in audio] == [True]
    assert [word.text for word in audio[0].words] == text.split()


def test_control_characters_and_emoji_are_passed_over(voice: MagpieEngine) -> None:
    assert np.array_equal(sound(pieces(voice, "Hel\x00lo 🙂 there.")), sound(pieces(voice, "Hello there.")))


def test_a_very_long_text_is_spoken_in_chunks(voice: MagpieEngine) -> None:
    """Ten thousand characters without a mark; only the beginning is listened to."""
    with opened(voice) as (stream, heard):
        stream.speak(1, 0, "abcdefghi " * 1_000, SOON)
        while len(heard.events) < 3:
            assert step(voice) is not None
        stream.cancel(1)
        drive(voice)
        assert len(heard.events) == 3


def test_a_model_that_never_ends_is_ended_audibly(voice: MagpieEngine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        audio = sound(pieces(voice, "Hi."))
    assert "did not end by itself" in caplog.text
    assert np.abs(audio).max() > 0.01
    assert abs(audio[-1]) < 0.01


def test_numbers_that_break_down_lose_one_utterance_and_no_other(voice: MagpieEngine) -> None:
    alone = sound(pieces(voice, TEXT))
    with opened(voice) as (well, heard), opened(voice) as (ill, failed):
        well.speak(1, 0, TEXT, SOON)
        ill.speak(1, 0, TEXT, SOON)
        while sum(segment.row is not None for segment in voice._queue) < 2:
            assert step(voice) is not None
        row = next(segment.row for segment in voice._queue if segment.stream == ill.number)
        assert row is not None
        assert voice._speaker is not None
        with torch.inference_mode():
            voice._speaker.loop._decoder.keys[:, row.place] = float("nan")
        drive(voice)
        assert isinstance(failed.events[-1], StreamFailed)
        assert np.abs(sound(heard.of(SpeechAudio)) - alone).max() < 1e-4
        ill.speak(2, 0, TEXT, SOON)
        drive(voice)
        assert np.abs(sound(failed.of(SpeechAudio)[-len(heard.events) :]) - alone).max() < 1e-4


def test_a_cancelled_utterance_frees_its_place_with_the_next_step(voice: MagpieEngine) -> None:
    with opened(voice) as (one, _), opened(voice) as (two, _):
        one.speak(1, 0, TEXT, SOON)
        two.speak(1, 0, TEXT, SOON)
        while sum(segment.row is not None for segment in voice._queue) < 2:
            assert step(voice) is not None
        one.cancel(1)
        step(voice)
        assert voice._speaker is not None
        assert voice._speaker.loop.live == 1


def test_segments_of_a_response_share_their_context(voice: MagpieEngine) -> None:
    with opened(voice) as (stream, heard):
        stream.speak(1, 0, "This comes first.", SOON)
        stream.speak(1, 1, "Hello there.", SOON)
        drive(voice)
        assert not heard.of(StreamFailed)
        second = [piece for piece in heard.of(SpeechAudio) if piece.segment == 1]
        stream.speak(2, 1, "Hello there.", SOON)
        drive(voice)
        anew = [piece for piece in heard.of(SpeechAudio) if piece.generation == 2]
        assert not np.array_equal(sound(second), sound(anew))
