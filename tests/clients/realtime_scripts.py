"""The conversations of the Realtime clients' tests: with a scripted agent (a tool, a long answer, a short one), and
with real models, which answer at length.
"""

import pytest

from benchmarks.corpus import CorpusError, questions
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.testing.replies import tool_call
from voiceagent.testing.scripts import scripted_engines
from voiceagent.text import word_error_rate

ASKED, THANKED = "What is the weather in Rome?", "Thank you, that is enough."
LONG = (
    "It is sunny in Rome, and it will stay so for many days, since a wide and quiet high lies over the sea. "
    "Take a hat with you."
)
SHORT = "Then I say no more."
TALKATIVE = (
    "llm.temperature=0",
    "session.idle_s=0",
    "llm.max_tokens=120",
    "llm.system_prompt=You are a storyteller. Tell a long story.",
)


def weather_talk(word_s):
    """Return the engines of one conversation, and the list of the prompts that its model is given."""
    prompts = []

    def reply(messages):
        prompts.append(messages)
        if messages[-1].role == "tool":
            return LONG
        asked = sum(message.role == "user" for message in messages)
        return tool_call("weather", city="Rome") if asked == 1 else SHORT

    engines = scripted_engines(
        asr=ScriptedAsr([ASKED, THANKED], words_per_second=20, sleep=lambda seconds: None),
        llm=reply,
        tts=ScriptedTts(word_s=word_s, sleep=lambda seconds: None),
    )
    return engines, prompts


def check_history(history, prompts):
    """The client's history is the model's: what was asked, the tool, the words that were heard, and what followed.

    `history` has (who, text) of every item.
    """
    (first, asked), (tool, result), (agent, heard), (second, thanked), (last, short) = history
    assert (first, second, agent, last, tool) == ("user", "user", "assistant", "assistant", "function_call")
    assert (asked, result, thanked, short) == (ASKED, "Sunny in Rome.", THANKED, SHORT)
    assert 3 <= len(heard.split()) < len(LONG.split()) - 3, "it was interrupted in the middle"
    assert LONG.startswith(heard)
    told = [(message.role, message.content) for message in prompts[-1]]
    assert told[1:] == [
        ("user", ASKED),
        ("assistant", ""),
        ("tool", "Sunny in Rome."),
        ("assistant", heard),
        ("user", THANKED),
    ]


@pytest.fixture(scope="session")
def people():
    """Recorded utterances with their texts."""
    try:
        return questions(4)
    except CorpusError as error:
        pytest.skip(str(error))


def check_real_talk(history, first, second):
    """Two questions of people are understood, and of the first answer what was heard is remembered."""
    (asker, asked), (agent, heard), (again, asked_again), *_ = history
    assert (asker, agent, again) == ("user", "assistant", "user")
    for clip, text in ((first, asked), (second, asked_again)):
        errors, count = word_error_rate(clip.text, text)
        assert errors <= max(2, 0.3 * count), text
    assert heard
