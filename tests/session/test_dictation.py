"""What is said piece by piece is one turn; speech that does not end has a bound, and so has silence.

Whole conversations in virtual time (cases V03 and V04 and their neighbours).
"""

import pytest
from test_conversation import REAL, rehearse

from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.session.reports import ResponseEnded, UserTurnEnded
from voiceagent.testing.sound import voice

SURE = [0.95]
"""A turn detector that takes each piece for the end."""
DIGITS = "5 5 5 0 1 4 7"


def turns(talk):
    return [turn.text for turn in talk.of(UserTurnEnded)]


def asks(question):
    return ScriptedLlm(lambda messages: question if "call me" in messages[-1].content else "Very well.", **REAL)


async def dictates(talk, pieces, pause_s):
    for piece in pieces:
        await talk._say(piece, pause_s)
    await talk.listens(6.0)


@pytest.mark.parametrize("pause_s", [0.3, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("text", [DIGITS, "five five five oh one", "B. E. R. G.", "4 2 7 B"])
def test_digits_and_letters_said_one_by_one_are_one_turn_without_being_asked_for(text, pause_s):
    async def scene(talk):
        await dictates(talk, text.split(), pause_s)
        assert turns(talk) == [text]
        assert len(talk.of(ResponseEnded)) == 1

    rehearse(scene, turn=SURE)


@pytest.mark.parametrize("pause_s", [0.3, 0.6, 1.0])
@pytest.mark.parametrize(
    ("question", "pieces"),
    [
        ("What is your phone number?", ["555", "01", "47"]),
        ("Please tell me your name.", ["John", "Fitzgerald", "Byrd"]),
        ("What shall I put on the list?", ["Milk.", "Eggs.", "Bread.", "Tea."]),
        ("How do you spell that?", ["B", "Y", "R", "D"]),
    ],
)
def test_what_the_agent_asked_for_is_one_turn_however_slowly_it_is_said(question, pieces, pause_s):
    async def scene(talk):
        await talk.says("please call me back")
        await dictates(talk, pieces, pause_s)
        assert turns(talk) == ["please call me back", " ".join(pieces)]

    rehearse(scene, turn=SURE, llm=asks(question))


def test_letters_that_are_taken_for_words_are_letters_where_they_were_asked_for():
    async def scene(talk):
        await talk.says("please call me back")
        await dictates(talk, ["B. wives.", "R. D."], 0.8)
        assert turns(talk)[1:] == ["B. wives. R. D."]
        await dictates(talk, ["B. wives.", "R. D."], 0.8)
        assert turns(talk)[2:] == ["B. wives.", "R. D."], "the agent has not asked again"

    rehearse(scene, turn=SURE, llm=asks("How do you spell that?"))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many people are coming?", "Two."),
        ("Do you want A or B?", "B."),
        ("Shall I?", "Yes."),
        ("", "Hello there."),
    ],
)
def test_an_ordinary_answer_waits_no_longer_than_before(question, answer):
    async def scene(talk):
        if question:
            await talk.says("please call me back")
        await talk.says(answer)
        assert turns(talk)[-1] == answer
        assert talk.turns[-1].voice_to_voice_ms < 500

    rehearse(scene, turn=SURE, llm=asks(question))


@pytest.mark.parametrize("text", ["um", "Um, let me see.", "My number is, um,", "Hold on."])
def test_a_speaker_who_is_thinking_is_waited_for_and_not_longer_than_the_limit(text):
    async def scene(talk):
        await talk._say(text, 0.9)
        assert not turns(talk)
        await talk.listens(0.6)
        assert turns(talk) == [text]

    rehearse(scene, turn=SURE)


@pytest.mark.parametrize("seconds", [12.0, 35.0])
def test_speech_without_a_pause_is_answered_while_it_goes_on_and_does_not_interrupt_that(seconds):
    async def scene(talk):
        await talk.speaks(seconds)
        assert len(turns(talk)) == seconds // 10
        assert {end.outcome.value for end in talk.of(ResponseEnded)} == {"completed"}
        await talk.listens(8.0)
        assert len(turns(talk)) == seconds // 10 + 1, "what came after it is a turn, too"
        assert talk.session.state.response is None

    rehearse(scene, "turn.max_speech_s=10", asr=[" ".join(["word"] * 200)], turn=SURE, llm=asks(""))


def test_a_noise_without_words_that_does_not_end_is_no_turn_and_is_spoken_over():
    async def scene(talk):
        await talk.speaks(25.0)
        assert not turns(talk)
        talk.session.say("Are you still there?")
        await talk.listens(4.0)
        assert talk.heard == "Are you still there?"

    rehearse(scene, "turn.max_speech_s=10", asr=[""], turn=SURE)


def test_a_little_more_than_two_minutes_of_speech_by_the_shipped_settings():
    async def scene(talk):
        for _ in range(25):
            talk.session.hear(voice(5.0))
            await talk.listens(0.0)
            for _ in range(250):
                talk.session.pull()
                await talk._await_frame()
        assert len(turns(talk)) == 2

    rehearse(scene, asr=[" ".join(["word"] * 400)], turn=SURE, llm=asks(""))
