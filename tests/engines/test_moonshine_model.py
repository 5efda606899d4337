from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from embedded import in_room, model_file, room, said
from hypothesis import given
from hypothesis import strategies as st

from voiceagent.engines.asr.moonshine.model import (
    END,
    HEADS,
    LOOP_COPIES,
    START,
    VOCABULARY,
    Decoding,
    Moonshine,
    loop,
    read_vocabulary,
)
from voiceagent.errors import VoiceAgentError
from voiceagent.text import word_error_rate

WORDS = 10
"""Size of the vocabulary of `Parrot`, its end token among them."""


class Parrot:
    """A decoder that knows what was said, and insists on a cache that holds exactly what it was fed before."""

    def __init__(self, said: Sequence[int]) -> None:
        self.said = [*said, END]
        self.calls = 0

    def run(self, names: list[str], feed: dict[str, Any]) -> list[np.ndarray]:
        self.calls += 1
        past = feed["past_key_values.0.decoder.key"]
        fed = [*past[0, 0, :, 0].astype(int).tolist(), *feed["input_ids"][0].tolist()]
        before = past.shape[2]
        assert feed["use_cache_branch"].tolist() == [before > 0]
        assert fed[0] == START
        assert fed[1 : before + 1] == self.said[:before], "the cache holds a token that was refused"
        logits = np.zeros((1, len(fed) - before, WORDS), np.float32)
        for at in range(before, len(fed)):
            agreed = fed[1 : at + 1] == self.said[:at]
            logits[0, at - before, self.said[min(at, len(self.said) - 1)] if agreed else 0] = 1
        cache = np.zeros((1, HEADS, len(fed), 1), np.float32) + np.array(fed, np.float32)[:, np.newaxis]
        return [logits if name == "logits" else cache for name in names]


def decoded(said: Sequence[int], draft: Sequence[int] = (), limit: int = 1000) -> tuple[list[int], int]:
    parrot: Any = Parrot(said)
    decoding = Decoding(parrot, {}, limit, draft)
    while not decoding.step():
        pass
    return decoding.tokens, parrot.calls


sentences = st.lists(st.integers(3, WORDS - 1), max_size=30).filter(
    lambda tokens: all(loop(tokens[:end]) is None for end in range(len(tokens) + 1))
)


@given(sentences, st.lists(st.integers(3, WORDS - 1), max_size=30))
def test_a_draft_changes_nothing_about_the_result(said: list[int], draft: list[int]) -> None:
    assert decoded(said, draft)[0] == decoded(said)[0] == said


@given(sentences)
def test_a_right_draft_needs_a_single_call(said: list[int]) -> None:
    assert decoded(said, said) == (said, 1)
    assert decoded(said) == (said, len(said) + 1)


@pytest.mark.parametrize(
    "draft",
    [
        [3, 4, 5, 6, 9, 8, 9, 3, 4, 5, 6, 8],
        [3, 4, 5, 6, 8, 9, 3, 4, 5, 6, 8],
        [3, 4, 5, 6, 9, 7, 8, 9, 3, 4, 5, 6, 8],
    ],
    ids=["a word replaced", "a word left out", "a word too many"],
)
def test_a_draft_goes_on_after_a_mistake(draft: list[int]) -> None:
    said = [3, 4, 5, 6, 7, 8, 9, 3, 4, 5, 6, 8]
    tokens, calls = decoded(said, draft)
    assert tokens == said
    assert calls <= 4


def test_no_more_tokens_come_than_can_be_said() -> None:
    assert decoded([3, 4, 5, 6, 7, 8], limit=4)[0] == [3, 4, 5, 6]
    assert decoded([3, 4, 5, 6, 7, 8], [3, 4, 5, 6, 7], limit=4)[0] == [3, 4, 5, 6]
    assert decoded([3], limit=0) == ([], 0)


def test_a_step_is_a_few_tokens_long() -> None:
    parrot: Any = Parrot([3, 4, 5, 6, 7, 8, 9])
    decoding = Decoding(parrot, {}, 100, ())
    assert not decoding.step()
    assert decoding.tokens == [3, 4, 5]


def test_a_phrase_repeated_without_end_is_cut_to_one() -> None:
    assert decoded([9, *[3, 4, 5] * 20])[0] == [9, 3, 4, 5]
    assert decoded([9, *[3] * 20])[0] == [9, 3]
    few = [9, *[3] * (LOOP_COPIES - 1), 4]
    assert decoded(few)[0] == few


def vocabulary_file(path: Path, words: Sequence[bytes]) -> Path:
    lengths = (bytes([n]) if (n := len(word)) < 128 else bytes([n % 128 + 128, n // 128]) for word in words)
    path.write_bytes(b"".join(length + word for length, word in zip(lengths, words, strict=True)))
    return path


def test_the_vocabulary_is_read_word_by_word(tmp_path: Path) -> None:
    words = [b"", b"s", "\u2581the".encode(), b"x" * 127, b"x" * 128, b"x" * 300]
    words += [b"w"] * (VOCABULARY - len(words))
    assert read_vocabulary(vocabulary_file(tmp_path / "tokenizer.bin", words)) == words


def test_a_vocabulary_that_is_not_whole_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.bin"
    with pytest.raises(VoiceAgentError, match=r"tokenizer.bin is missing.*weights pull"):
        read_vocabulary(path)
    vocabulary_file(path, [b"word"] * VOCABULARY)
    for cut in (0, 1, 1000, path.stat().st_size - 1):
        damaged = tmp_path / f"cut_{cut}"
        damaged.write_bytes(path.read_bytes()[:cut])
        with pytest.raises(VoiceAgentError, match=r"damaged.*weights verify"):
            read_vocabulary(damaged)


@pytest.fixture(scope="module")
def model() -> Moonshine:
    files = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")
    encoder, decoder, tokenizer = (model_file("moonshine-tiny-en", name) for name in files)
    return Moonshine(encoder, decoder, tokenizer, threads=1)


def transcribed(model: Moonshine, pcm: np.ndarray, draft: Sequence[int] = ()) -> tuple[list[int], str]:
    decoding = model.encode(pcm, draft)
    while not decoding.step():
        pass
    return decoding.tokens, model.text(decoding.tokens)


def is_right(text: str, expected: str) -> bool:
    """Tell whether at most one word of ten is wrong."""
    errors, words = word_error_rate(expected, text)
    return errors <= words / 10


TEXT = "The train to the mountains leaves at noon, and it takes about three hours."


@pytest.mark.models
def test_what_a_voice_says_is_written_down(model: Moonshine) -> None:
    _, text = transcribed(model, in_room(said(TEXT)))
    assert is_right(text, TEXT)


@pytest.mark.models
def test_the_transcript_of_the_beginning_is_a_good_draft(model: Moonshine) -> None:
    audio = in_room(said(TEXT))
    draft, _ = transcribed(model, audio[: -len(audio) // 4])
    _, plain = transcribed(model, audio)
    _, drafted = transcribed(model, audio, draft)
    assert is_right(drafted, plain)


@pytest.mark.models
@pytest.mark.parametrize("word", ["Yes.", "No.", "Stop.", "Okay.", "Hello."])
def test_single_words_are_heard(model: Moonshine, word: str) -> None:
    assert is_right(transcribed(model, in_room(said(word)))[1], word)


@pytest.mark.models
def test_where_nobody_speaks_there_is_no_text(model: Moonshine) -> None:
    cough = np.concatenate((room(0.4), room(0.15, 0.2), room(0.1)))
    for audio in (cough, np.zeros(16_000, np.float32), np.zeros(800, np.float32), np.zeros(0, np.float32)):
        assert transcribed(model, audio)[1] == ""


@pytest.mark.models
def test_the_credits_of_subtitles_are_no_words(model: Moonshine) -> None:
    mark, word = (model._vocabulary.index(spelled.encode()) for spelled in ("\N{COPYRIGHT SIGN}", "\u2581the"))
    assert model.text([mark, word]) == ""
    assert model.text([word]) == "the"


@pytest.mark.models
def test_samples_that_are_no_numbers_count_as_silence(model: Moonshine) -> None:
    audio = in_room(said(TEXT))
    broken = np.concatenate((np.full(400, np.nan, np.float32), audio))
    assert is_right(transcribed(model, broken)[1], TEXT)


def test_logits_that_are_no_numbers_are_a_failure_not_a_word() -> None:
    class Broken(Parrot):
        def run(self, names: list[str], feed: dict[str, Any]) -> list[np.ndarray]:
            logits, *cache = super().run(names, feed)
            return [logits * np.nan if self.calls == 2 else logits, *cache]

    broken: Any = Broken([3, 4, 5])
    with pytest.raises(VoiceAgentError, match="output is not a number"):
        Decoding(broken, {}, 1000, ()).step()
