import pytest
from reading_cases import reading_cases

from voiceagent.text import Segmenter, is_backchannel, looks_finished, speakable


@pytest.mark.parametrize(("written", "said"), reading_cases("spanish"))
def test_what_is_written_is_said_as_people_say_it(written: str, said: str) -> None:
    assert speakable(written, "es") == said


@pytest.mark.parametrize(
    "sentences",
    [
        ["El Sr. García llega el 3 de mayo. ", "¿Puede venir?"],
        ["Hay frutas, p. ej. manzanas, para todos. ", "¡Qué bien!"],
        ["Vive en EE. UU. desde 2010. ", "Le gusta mucho."],
        ["Son peras, manzanas, etc. ", "La fruta es sana."],
        ["Le dije que No. ", "La No. 5 es mejor."],
        ["¿Cuántos son? ", "Son tres."],
    ],
)
def test_sentences_end_where_they_do(sentences: list[str]) -> None:
    segmenter = Segmenter(100, 100, language="es")
    assert segmenter.push("".join(sentences)) + segmenter.flush() == [sentences[0].rstrip(), " " + sentences[1]]


@pytest.mark.parametrize("text", ["Ajá.", "Vale, vale.", "¡Claro que sí!", "Mm, entiendo."])
def test_signals_to_go_on(text: str) -> None:
    assert is_backchannel(text, "es")


@pytest.mark.parametrize("text", ["Sí.", "No.", "Claro que no.", "Vale la pena.", ""])
def test_answers_are_no_signals(text: str) -> None:
    assert not is_backchannel(text, "es")


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("Quiero ir a Madrid.", True),
        ("Quiero ir a Madrid y.", False),
        ("Es para mi.", False),
        ("Es para mí.", True),
        ("No lo sé, porque.", False),
        ("¿Qué es?", True),
        ("Creo que es.", False),
    ],
)
def test_hanging_words(text: str, finished: bool) -> None:
    assert looks_finished(text, "es") == finished
