"""A segment's text on its way to tokens: cleaned, divided, each word in its place."""

import sys
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.nemo

from tiny_magpie import model  # noqa: E402 (needs torch)

from voiceagent.engines.tts.magpie.decode_loop import MOST_TOKENS  # noqa: E402
from voiceagent.engines.tts.magpie.text import TextReader, clean  # noqa: E402
from voiceagent.errors import VoiceAgentError  # noqa: E402


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader(model(), normalize=False)


def decoded(tokens: tuple[int, ...]) -> str:
    text: str = model().tokenizer.decode(list(tokens[:-1]), "english_phoneme").replace("|", "")
    return text


def test_words_begin_where_their_letters_do(reader: TextReader) -> None:
    (chunk,) = reader.read("Hello there, my friend.", "en")
    assert chunk.words == ("Hello", "there,", "my", "friend.")
    assert chunk.starts == (0, 6, 13, 16)
    assert chunk.tokens[-1] == model().eos_id
    assert len(chunk.tokens) == len("hello there, my friend.") + 1


def test_a_word_without_a_sound_is_with_the_next(reader: TextReader) -> None:
    (chunk,) = reader.read("Hello 🙂 there.", "en")
    assert chunk.words == ("Hello", "🙂", "there.")
    assert chunk.starts == (0, 6, 6)


def test_long_texts_are_divided_into_sentences_as_nemo_does(reader: TextReader) -> None:
    chunks = reader.read("This is one sentence with quite a few words in it. " * 6, "en")
    assert len(chunks) == 6
    assert sum(len(chunk.words) for chunk in chunks) == 66
    assert all(chunk.starts[0] == 0 for chunk in chunks)


@pytest.mark.parametrize("text", ["abcdefghi " * 1_000, "a" * 10_000])
def test_no_chunk_is_longer_than_there_is_room_for(reader: TextReader, text: str) -> None:
    chunks = reader.read(text, "en")
    assert all(len(chunk.tokens) <= MOST_TOKENS for chunk in chunks)
    assert [word for chunk in chunks for word in chunk.words] == text.split()
    assert sum(len(chunk.tokens) - 1 for chunk in chunks) >= 0.99 * len(text.strip()) - len(chunks)


def test_quotes_dashes_and_controls_become_plain() -> None:
    assert clean("“Don’t” — he\x00 said… 🙂\u200d") == '"Don\'t" , he said...'


def test_normalisation_keeps_the_words_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    grammars = SimpleNamespace(normalize=lambda text, verbose: text.replace("$5", "five dollars"))
    monkeypatch.setattr(model(), "_text_normalizers", {"en": grammars})
    (chunk,) = TextReader(model(), normalize=True).read("It costs $5 now.", "en")
    assert chunk.words == ("It", "costs", "$5", "now.")
    assert chunk.starts == (0, 3, 9, 22)


@pytest.fixture
def no_grammars(monkeypatch: pytest.MonkeyPatch) -> None:
    """NeMo without its normaliser, as on aarch64."""
    monkeypatch.setitem(sys.modules, "nemo_text_processing.text_normalization.normalize", None)
    monkeypatch.setattr(model(), "_text_normalizers", {})


@pytest.mark.usefixtures("no_grammars")
def test_without_nemos_grammars_the_own_readings_step_in(caplog: pytest.LogCaptureFixture) -> None:
    reader = TextReader(model(), normalize=True)
    with caplog.at_level("INFO", "voiceagent"):
        (chunk,) = reader.read("On 12 May it costs $15.50.", "en")
        reader.read("And $2.", "en")
    assert decoded(chunk.tokens) == "on the twelfth of may it costs fifteen dollars and fifty cents."
    assert chunk.words == ("On", "12", "May", "it", "costs", "$15.50.")
    assert [record.message for record in caplog.records] == [
        "NeMo's text normalisation cannot be loaded: voiceagent's own reads 'en'"
    ]


@pytest.mark.usefixtures("no_grammars")
@pytest.mark.parametrize(("language", "level"), [("de", "INFO"), ("it", "WARNING")])
def test_a_language_without_readings_is_warned_of(
    language: str, level: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = TextReader(model(), normalize=True)
    monkeypatch.setitem(reader.languages, language, "english_phoneme")
    with caplog.at_level("INFO", "voiceagent"):
        (chunk,) = reader.read("2-7 km", language)
    assert decoded(chunk.tokens) == ("zwei bis sieben kilometer" if language == "de" else "- km")
    ((record_level, message),) = [(record.levelname, record.message) for record in caplog.records]
    assert record_level == level
    assert repr(language) in message


@pytest.mark.usefixtures("no_grammars")
def test_nothing_is_written_out_when_it_is_not_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "voiceagent"):
        (chunk,) = TextReader(model(), normalize=False).read("It costs $5 now.", "en")
    assert "five" not in decoded(chunk.tokens)
    assert not caplog.records


def test_an_unknown_language_is_refused_with_those_there_are(reader: TextReader) -> None:
    assert reader.require("en") == "en"
    with pytest.raises(VoiceAgentError, match=r"'de'.*one of en\."):
        reader.require("de")


@settings(max_examples=60)
@given(st.text(max_size=120))
def test_any_text_is_read_or_found_silent(reader: TextReader, text: str) -> None:
    chunks = reader.read(text, "en")
    words = [word for chunk in chunks for word in chunk.words]
    assert words == (text.split() if chunks else [])
    for chunk in chunks:
        assert list(chunk.starts) == sorted(chunk.starts)
        assert all(0 <= start < len(chunk.tokens) - 1 for start in chunk.starts)
