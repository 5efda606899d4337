"""The benchmark's conversations, held with scripted engines in virtual time: what is measured is what happened."""

import numpy as np
import pytest

from benchmarks import conversations as talk
from benchmarks.corpus import Clip
from benchmarks.rehearsed_line import rehearse
from voiceagent.audio.pcm import Pcm
from voiceagent.engines.asr.scripted.engine import ScriptedAsr
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.timing import SMALL_CPU
from voiceagent.testing.sound import make_cough
from voiceagent.testing.webrtc.line import CallerError, Line

STORY = "There was a sailor who loved the sea more than anything else in the world and told it so every day."
ASKED = "Tell me a story."
QUIET = {"timing": SMALL_CPU, "sleep": lambda seconds: None}


def voice(seconds: float) -> Pcm:
    return (0.3 * np.sin(2 * np.pi * 150 * np.arange(round(16_000 * seconds)) / 16_000)).astype(np.float32)


QUESTION = Clip("question", "Tell me something about the sea.", voice(2.0))


def asr(*texts: str) -> ScriptedAsr:
    return ScriptedAsr(texts, **QUIET)


def llm(text: str = STORY) -> ScriptedLlm:
    return ScriptedLlm(lambda messages: text, **QUIET)


def test_an_answer_is_timed_from_the_last_sample_sent_to_the_first_one_heard() -> None:
    async def ask(line: Line) -> tuple[talk.Sample, talk.Spoken | None]:
        await talk.greeted(line)
        return await talk.ask(line, QUESTION)

    sample, spoken = rehearse(ask, asr=asr(QUESTION.text), llm=llm())
    server = sample["trace"]["voice_to_voice_ms"]
    assert 600 < server < 800  # 600 ms of silence end a turn here
    assert (
        server <= sample["v2v_ms"] <= server + 80
    )  # the server notices within a VAD frame, and codecs hold 13 ms back
    assert sample["outcome"] == "completed"
    assert (sample["errors"], sample["words"], sample["cut_in"]) == (0, 6, False)
    assert sample["stalls_ms"] == []
    assert spoken is not None
    assert " ".join(spoken.segments) == STORY
    assert len(spoken.pcm) / 16_000 > len(STORY.split()) * 0.3


def test_a_question_that_need_not_be_answered_whole_is_interrupted() -> None:
    sample, spoken = rehearse(lambda line: talk.ask(line, QUESTION, whole=False), "session.greeting=''", llm=llm())
    assert sample["outcome"] == "interrupted"
    assert sample["v2v_ms"] > 0
    assert spoken is None


def test_a_question_that_is_not_understood_gets_no_answer_and_counts_as_all_wrong() -> None:
    sample, spoken = rehearse(lambda line: talk.ask(line, QUESTION), "session.greeting=''", asr=asr(""))
    assert (sample["v2v_ms"], sample["outcome"], spoken) == (None, None, None)
    assert sample["errors"] == sample["words"] == 6


def test_an_agent_that_cuts_in_has_not_answered_quickly() -> None:
    halting = Clip("halting", "Tell me. Something about the sea.", np.concatenate([voice(1), 0 * voice(1.6), voice(1)]))
    sample, spoken = rehearse(lambda line: talk.ask(line, halting), "session.greeting=''", llm=llm())
    assert sample["cut_in"]
    assert sample["v2v_ms"] is None
    assert spoken is None


def test_a_barge_in_is_timed_from_its_onset_to_silence() -> None:
    sample = rehearse(lambda line: talk.barge_in(line, QUESTION, ASKED), "session.greeting=''", llm=llm())
    assert sample["outcome"] == "interrupted"
    assert 64 <= sample["barge_in_ms"] <= 160  # 64 ms of speech are its onset


def test_an_agent_that_talks_on_was_not_interrupted() -> None:
    hum = Clip("hum", "Mm-hm.", voice(0.3))
    sample = rehearse(lambda line: talk.barge_in(line, hum, ASKED), "session.greeting=''", asr=asr("mm-hm"), llm=llm())
    assert sample["barge_in_ms"] is None
    assert sample["outcome"] != "interrupted"


def test_an_agent_resumes_after_a_cough() -> None:
    cough = 0.6 * voice(0.15)
    sample = rehearse(lambda line: talk.cough_at(line, cough, ASKED), "session.greeting=''", asr=asr(""), llm=llm())
    assert (sample["paused"], sample["resumed"], sample["outcome"]) == (True, True, "completed")
    assert 200 <= sample["away_ms"] <= 1000


def test_an_agent_that_does_not_notice_a_cough_was_not_away() -> None:
    sample = rehearse(lambda line: talk.cough_at(line, 0 * voice(0.15), ASKED), "session.greeting=''", llm=llm())
    assert (sample["paused"], sample["outcome"], sample["away_ms"]) == (False, "completed", None)


def test_an_agent_of_few_words_cannot_be_interrupted() -> None:
    with pytest.raises(CallerError, match="no answers long enough"):
        rehearse(lambda line: talk.barge_in(line, QUESTION, ASKED), "session.greeting=''", llm=llm("No. I will not."))


def test_dictation_takes_the_last_word_on_each_turn() -> None:
    sample = rehearse(
        lambda line: talk.dictate(line, QUESTION), "session.greeting=''", asr=asr("Tell me about the sea.")
    )
    assert sample["understood"] == "Tell me about the sea."
    assert (sample["errors"], sample["words"]) == (1, 6)


def test_dictation_that_is_not_understood_is_all_wrong() -> None:
    sample = rehearse(lambda line: talk.dictate(line, QUESTION), "session.greeting=''", asr=asr(""))
    assert sample["errors"] == 6


def test_a_greeting_can_be_hushed() -> None:
    async def hush(line: Line) -> tuple[float, str]:
        await line.until(lambda: line.heard.onset(0.0), 5, "the greeting")
        await talk.hush(line)
        end = line.last("agent.end")
        assert end is not None
        return line.now, end.payload["outcome"]

    at, outcome = rehearse(hush)
    assert outcome == "interrupted"
    assert at < 1.5


def test_what_does_not_happen_in_time_is_an_error_that_says_what() -> None:
    with pytest.raises(CallerError, match="Waited 2 s for a miracle"):
        rehearse(lambda line: line.until(lambda: line.last("miracle"), 2, "a miracle"))


def test_a_cough_is_150_ms_of_noise_that_begins_hard_and_dies_away() -> None:
    cough = make_cough(0)
    assert len(cough) == 2_400
    assert np.abs(cough).max() == pytest.approx(0.5)
    assert np.abs(cough[:640]).mean() > 3 * np.abs(cough[-800:]).mean()
    assert not np.array_equal(cough, make_cough(1))
