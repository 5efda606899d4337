"""Magpie with two threads of a CPU: sound is made of frames while the next ones are decoded, and is the same sound."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from voiceagent.engines.tts.contract import SpeechAudio
from voiceagent.testing.engine_contract import Check, contract
from voiceagent.testing.engine_contract.driving import LATER, NOW, SOON, drive, opened, step

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from tiny_magpie import prepared  # noqa: E402 (needs torch)

from voiceagent.engines.steps import Talk  # noqa: E402
from voiceagent.engines.tts.magpie.engine import MagpieEngine  # noqa: E402
from voiceagent.engines.tts.magpie.presets import PRESETS  # noqa: E402
from voiceagent.engines.tts.magpie.spec import SPEC, MagpieSettings  # noqa: E402
from voiceagent.engines.tts.magpie.work import work_of  # noqa: E402

TEXT = "Hello there, how are you?"
BALANCED = PRESETS["balanced"]


def loaded(stacking: int, threads: int) -> MagpieEngine:
    engine = MagpieEngine(lambda: prepared(stacking, steps=30), normalize=False, max_streams=4, threads=threads)
    engine.load()
    return engine


@pytest.fixture(scope="module", params=[1, 2], ids=["stacking1", "stacking2"])
def voices(request: pytest.FixtureRequest) -> Iterator[tuple[MagpieEngine, MagpieEngine]]:
    """One that makes sound beside its steps, and one that makes it in steps of its own."""
    threads = torch.get_num_threads()
    both = loaded(request.param, 2), loaded(request.param, 1)
    yield both
    for engine in both:
        engine.close()
    torch.set_num_threads(threads)


def spoken(engine: MagpieEngine, deadline: float = SOON, **how: Any) -> tuple[list[SpeechAudio], list[str]]:
    """Return the pieces of the text's sound, and the kinds of the steps that they took."""
    with opened(engine) as (stream, heard):
        stream.speak(1, 0, TEXT, deadline, **how)
        kinds = [batch.cost_key[0] for batch in drive(engine)]
        return heard.of(SpeechAudio), kinds


def sound(audio: list[SpeechAudio]) -> Any:
    return np.concatenate([piece.pcm for piece in audio])


@pytest.mark.parametrize("check", contract("tts"), ids=lambda check: check.__name__)
def test_it_is_a_voice(voices: tuple[MagpieEngine, MagpieEngine], check: Check) -> None:
    check(voices[0])


@pytest.mark.parametrize("how", [{}, {"mode": "batch"}, {"deadline": LATER}], ids=["stream", "batch", "at leisure"])
def test_pieces_sound_and_words_are_those_of_a_voice_without(
    voices: tuple[MagpieEngine, MagpieEngine], how: dict[str, Any]
) -> None:
    (beside, _), (apart, _) = (spoken(voice, **how) for voice in voices)
    assert [len(piece.pcm) for piece in beside] == [len(piece.pcm) for piece in apart]
    assert [piece.words for piece in beside] == [piece.words for piece in apart]
    assert np.abs(sound(beside) - sound(apart)).max() < 1e-4


def test_only_the_last_frames_need_a_step_of_sound(voices: tuple[MagpieEngine, MagpieEngine]) -> None:
    _, kinds = spoken(voices[0])
    assert kinds[:3] == ["tts.text", "tts.begin", "tts.decode"], "there is nothing to make sound of yet"
    assert kinds[-1] == "tts.sound"
    assert set(kinds[3:-1]) == {"tts.decode_sound"}


def test_the_first_sound_is_there_with_the_step_that_makes_it_due(voices: tuple[MagpieEngine, MagpieEngine]) -> None:
    engine = voices[0]
    with opened(engine) as (stream, heard):
        stream.speak(1, 0, TEXT, SOON)
        kinds = []
        while not heard.events:
            batch = step(engine)
            assert batch is not None
            kinds.append(batch.cost_key[0])
        assert engine._speaker is not None
        steps = -(-(BALANCED.first + 1) // engine._speaker.loop.stacking)
        assert kinds[2:] == ["tts.decode", *["tts.decode_sound"] * (steps - 1)]
        stream.cancel(1)


def test_company_and_cancelled_company_do_not_change_the_sound(voices: tuple[MagpieEngine, MagpieEngine]) -> None:
    engine = voices[0]
    alone = sound(spoken(engine)[0])
    with opened(engine) as (one, heard), opened(engine) as (other, _), opened(engine) as (third, late):
        other.speak(1, 0, "Something else, and a good deal longer than that.", LATER)
        for _ in range(7):
            step(engine)
        one.speak(1, 0, TEXT, SOON)
        for _ in range(6):
            step(engine)
        other.cancel(1)
        third.speak(1, 0, TEXT, SOON)
        drive(engine)
        assert np.abs(sound(heard.of(SpeechAudio)) - alone).max() < 1e-4
        assert np.abs(sound(late.of(SpeechAudio)) - alone).max() < 1e-4, "in the place of the cancelled one"


def test_a_step_that_raises_ends_after_its_sound_is_made(
    voices: tuple[MagpieEngine, MagpieEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, made = voices[0], []
    alone = sound(spoken(engine)[0])
    speaker = engine._speaker
    assert speaker is not None
    decode = speaker._codec.decode

    def noted(*arguments: Any) -> Any:
        pcm = decode(*arguments)
        made.append(len(pcm))
        return pcm

    def broken(rows: Any) -> Any:
        raise RuntimeError("no step")

    with opened(engine) as (stream, heard):
        stream.speak(1, 0, TEXT, SOON)
        while (batch := engine.pending(NOW)) is None or batch.cost_key[0] != "tts.decode_sound":
            assert step(engine) is not None
        with monkeypatch.context() as patch:
            patch.setattr(speaker._codec, "decode", noted)
            patch.setattr(speaker.loop, "step", broken)
            with pytest.raises(RuntimeError, match="no step"):
                engine.run(batch)
        assert made == [1]
        assert torch.get_num_threads() == 2
        engine.fail(batch, RuntimeError("no step"))
        drive(engine)
        heard.events.clear()
        stream.speak(2, 0, TEXT, SOON)
        drive(engine)
        assert np.abs(sound(heard.of(SpeechAudio)) - alone).max() < 1e-4


def test_equally_much_sound_of_each_is_made_beside_a_step(voices: tuple[MagpieEngine, MagpieEngine]) -> None:
    engine = voices[0]
    with opened(engine) as (one, _), opened(engine) as (other, _):
        one.speak(1, 0, TEXT, SOON)
        other.speak(1, 0, TEXT, SOON)
        together = [work_of(batch) for batch in drive(engine)]
    sounds = [work.task.sound.codes for work in together if getattr(work.task, "sound", None) is not None]
    assert {len({len(codes) for codes in each}) for each in sounds} == {1}
    assert max(len(each) for each in sounds) == 2


@pytest.mark.parametrize(("threads", "kinds"), [(1, {"tts.decode", "tts.sound"}), (2, {"tts.decode_sound"})])
def test_the_forecast_takes_the_steps_that_the_threads_make(threads: int, kinds: set[str]) -> None:
    said = SPEC.steps(MagpieSettings(threads=threads, device="cpu"), Talk())
    assert {work.key[0] for work in said.sound} == kinds
