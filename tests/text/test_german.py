import pytest
from reading_cases import reading_cases

from voiceagent.text import Segmenter, is_backchannel, looks_finished, speakable


@pytest.mark.parametrize(("written", "said"), reading_cases("german"))
def test_what_is_written_is_said_as_people_say_it(written: str, said: str) -> None:
    assert speakable(written, "de") == said


@pytest.mark.parametrize(
    "sentences",
    [
        ["Am 3. Mai fahren wir los. ", "Das Wetter wird schön."],
        ["Wir treffen Dr. Müller, z. B. am Montag. ", "Passt das?"],
        ["Es gibt Äpfel, Birnen usw. ", "Das reicht für alle."],
        ["Im 19. Jahrhundert war das anders. ", "Heute nicht mehr."],
        ["Ludwig XIV. regierte lange, d. h. viele Jahre. ", "Er starb alt."],
        ["Es war von dieser Art. ", "Und dann kam Art. 5 dran."],
        ["Es kostet ca. 5 Mio. Euro pro Jahr. ", "Das ist viel."],
    ],
)
def test_sentences_end_where_they_do(sentences: list[str]) -> None:
    segmenter = Segmenter(100, 100, language="de")
    assert segmenter.push("".join(sentences)) + segmenter.flush() == [sentences[0].rstrip(), " " + sentences[1]]


@pytest.mark.parametrize("text", ["Mhm.", "Genau!", "Ach so, alles klar.", "Aha, okay."])
def test_signals_to_go_on(text: str) -> None:
    assert is_backchannel(text, "de")


@pytest.mark.parametrize("text", ["Ja.", "Stimmt.", "Nein, genau nicht.", "Genau das meine ich.", ""])
def test_answers_are_no_signals(text: str) -> None:
    assert not is_backchannel(text, "de")


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("Ich möchte nach Berlin.", True),
        ("Ich rufe dich an.", True),
        ("Ich möchte nach Berlin und.", False),
        ("Das ist für.", False),
        ("Ich habe einen.", False),
        ("Was ist das?", True),
        ("Ich weiß nicht, weil.", False),
    ],
)
def test_hanging_words(text: str, finished: bool) -> None:
    assert looks_finished(text, "de") == finished
