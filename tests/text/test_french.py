import pytest
from reading_cases import reading_cases

from voiceagent.text import Segmenter, is_backchannel, looks_finished, speakable


@pytest.mark.parametrize(("written", "said"), reading_cases("french"))
def test_what_is_written_is_said_as_people_say_it(written: str, said: str) -> None:
    assert speakable(written, "fr") == said


@pytest.mark.parametrize(
    "sentences",
    [
        ["M. Dupont arrive le 3 mai. ", "Il reste une semaine."],
        ["Il aime les fruits, p. ex. les pommes. ", "Et vous ?"],
        ["Il aime la mer. ", "Il vient le mer. 3 mai."],
        ["Vous venez demain ? ", "Je vous attends."],
        ["Il naquit en 52 av. J.-C. à Rome. ", "Sa vie fut courte."],
        ["Des pommes, des poires, etc. ", "Les enfants aiment ça."],
    ],
)
def test_sentences_end_where_they_do(sentences: list[str]) -> None:
    segmenter = Segmenter(100, 100, language="fr")
    assert segmenter.push("".join(sentences)) + segmenter.flush() == [sentences[0].rstrip(), " " + sentences[1]]


@pytest.mark.parametrize("text", ["Ouais.", "D'accord, je vois.", "Mm.", "Ah bon ?"])
def test_signals_to_go_on(text: str) -> None:
    assert is_backchannel(text, "fr")


@pytest.mark.parametrize("text", ["Oui.", "Non.", "D'accord mais non.", "Je vois une maison.", ""])
def test_answers_are_no_signals(text: str) -> None:
    assert not is_backchannel(text, "fr")


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("Je vais à Paris.", True),
        ("Je vais à Paris et.", False),
        ("C'est pour mon.", False),
        ("Tu viens avec qui ?", True),
        ("Je ne sais pas, parce que.", False),
        ("Donne-moi le.", False),
    ],
)
def test_hanging_words(text: str, finished: bool) -> None:
    assert looks_finished(text, "fr") == finished
