import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.engines.asr.turn_audio import (
    CUT_AFTER_S,
    CUT_AT_S,
    LINGER_S,
    PREROLL_S,
    Pcm,
    Snapshot,
    TurnAudio,
    find_cut,
)

RATE = 16_000
PREROLL = int(PREROLL_S * RATE)


def ramp(start: int, samples: int) -> Pcm:
    """Audio in which every sample is its own position."""
    return np.arange(start, start + samples, dtype=np.float32)


def whole(turn: Snapshot) -> Pcm:
    return np.concatenate([*(piece.pcm for piece in turn.pieces), turn.open])


def tone(seconds: float, level: float = 0.1) -> Pcm:
    return (level * np.sin(np.arange(int(seconds * RATE)) * 0.1)).astype(np.float32)


def test_a_turn_begins_shortly_before_speech_was_noticed() -> None:
    audio = TurnAudio()
    audio.push(ramp(0, 2 * RATE))
    audio.begin()
    audio.push(ramp(2 * RATE, 100))
    assert np.array_equal(audio.snapshot().open, ramp(2 * RATE - PREROLL, PREROLL + 100))


def test_without_speech_there_is_no_turn() -> None:
    audio = TurnAudio()
    audio.push(ramp(0, RATE))
    assert len(whole(audio.fork())) == 0


def test_a_fork_does_not_end_the_turn() -> None:
    audio = TurnAudio()
    audio.begin()
    audio.push(ramp(0, 1000))
    assert len(audio.fork().open) == 1000
    assert not audio.speaking
    audio.push(ramp(1000, 1000))
    audio.begin()
    audio.push(ramp(2000, 1000))
    assert np.array_equal(audio.fork().open, ramp(0, 3000))


def test_a_long_silence_after_a_fork_is_let_go_of_but_not_its_end() -> None:
    audio = TurnAudio()
    audio.begin()
    audio.push(ramp(0, 1000))
    audio.fork()
    for start in range(1000, 1000 + 10 * RATE, 320):
        audio.push(ramp(start, 320))
    kept = int(LINGER_S * RATE)
    assert np.array_equal(audio.fork().open, np.concatenate((ramp(0, 1000), ramp(1000 + 10 * RATE - kept, kept))))


def test_committing_forgets_the_turn_up_to_the_fork() -> None:
    audio = TurnAudio()
    audio.begin()
    audio.push(ramp(0, RATE))
    audio.fork()
    audio.push(ramp(RATE, RATE))
    audio.commit()
    assert len(whole(audio.snapshot())) == 0
    audio.begin()
    assert np.array_equal(audio.snapshot().open, ramp(2 * RATE - PREROLL, PREROLL))


def test_speech_that_began_after_the_fork_begins_the_next_turn() -> None:
    audio = TurnAudio()
    audio.begin()
    audio.push(ramp(0, RATE))
    audio.fork()
    audio.push(ramp(RATE, RATE))
    audio.begin()
    audio.commit()
    assert audio.speaking
    assert np.array_equal(audio.snapshot().open, ramp(RATE, RATE))


@given(st.lists(st.sampled_from(["push", "begin", "fork", "commit"]), max_size=40))
def test_a_turn_is_one_stretch_of_what_was_heard_up_to_now(calls: list[str]) -> None:
    audio, heard = TurnAudio(), 0
    for call in calls:
        match call:
            case "push":
                audio.push(ramp(heard, 400))
                heard += 400
            case "begin":
                audio.begin()
            case "fork":
                audio.fork()
            case _:
                audio.commit()
        turn = whole(audio.snapshot())
        assert np.array_equal(turn, ramp(heard - len(turn), len(turn)))
        assert not audio.speaking or len(turn) <= heard


def test_audio_is_left_whole_while_it_is_short_or_without_a_pause() -> None:
    assert find_cut(tone(CUT_AFTER_S)) is None
    assert find_cut(tone(CUT_AT_S)) is None


def test_long_audio_is_cut_in_its_pause() -> None:
    cut = find_cut(np.concatenate((tone(5), tone(0.3, 0.001), tone(4))))
    assert cut is not None
    assert 5.0 < cut / RATE < 5.3


def test_longer_audio_is_cut_at_its_quietest_moment() -> None:
    cut = find_cut(np.concatenate((tone(7), tone(0.3, 0.05), tone(6))))
    assert cut is not None
    assert 7.0 < cut / RATE < 7.3


def test_what_was_cut_off_stays_part_of_the_turn() -> None:
    audio = TurnAudio()
    audio.begin()
    spoken = np.concatenate([tone(5), tone(0.3, 0.001), tone(4), tone(0.3, 0.001)] * 10)
    for start in range(0, len(spoken), 1600):
        audio.push(spoken[start : start + 1600])
        if start % 16_000 == 0:
            turn = audio.snapshot()
            assert np.array_equal(whole(turn), spoken[: start + 1600])
            assert len(turn.open) <= CUT_AT_S * RATE
    assert len(audio.fork().pieces) >= 8


def test_audio_that_comes_all_at_once_is_cut_all_at_once() -> None:
    audio = TurnAudio()
    audio.begin()
    audio.push(tone(60))
    turn = audio.fork()
    assert max(len(piece.pcm) for piece in turn.pieces) <= CUT_AT_S * RATE
    assert len(turn.unsettled) == len(turn.pieces) >= 5
    assert np.array_equal(whole(turn), tone(60))


def test_a_cut_may_fall_before_or_after_the_last_fork() -> None:
    for fork_at_s in (2, 9):
        audio = TurnAudio()
        audio.begin()
        spoken = np.concatenate((tone(5), tone(0.3, 0.001), tone(5)))
        audio.push(spoken[: fork_at_s * RATE])
        audio.fork()
        audio.begin()
        audio.push(spoken[fork_at_s * RATE :])
        assert np.array_equal(whole(audio.snapshot()), spoken)
        assert np.array_equal(whole(audio.fork()), spoken)
        audio.push(tone(0.5, 0.2))
        audio.begin()
        audio.commit()
        assert np.array_equal(whole(audio.snapshot()), tone(0.5, 0.2))
