"""The scripted recogniser reveals its text at the pace of the voice it hears."""

from voiceagent.engines.asr.contract import Transcript
from voiceagent.engines.asr.scripted.engine import PARTIAL_WITHIN_S, ScriptedAsr, ScriptedAsrStream
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.scripted import Script
from voiceagent.testing.engine_contract.driving import Heard, drive
from voiceagent.testing.sound import silence, voice


class Listening:
    """One stream of an engine at two words a second."""

    def __init__(
        self, texts: Script[str] = ("one two three four", "five six"), partial_interval_s: float | None = 0.0
    ) -> None:
        self.engine = ScriptedAsr(
            texts, words_per_second=2.0, partial_interval_s=partial_interval_s, sleep=lambda seconds: None
        )
        self.heard = Heard()
        self.stream: ScriptedAsrStream = self.engine.open(self.heard.events.append)

    def speak(self, seconds: float) -> None:
        """Say something in real-time pieces of 20 ms, while the engine keeps up."""
        for _ in range(round(seconds / 0.02)):
            self.stream.push(voice(0.02))
            drive(self.engine)

    def final(self, fork: int) -> str:
        self.stream.finalise(fork, 5.0)
        drive(self.engine)
        transcript = self.heard.events[-1]
        assert transcript.fork == fork
        return str(transcript.text)


def test_words_show_up_in_step_with_the_voice() -> None:
    listening = Listening()
    listening.stream.begin_speech()
    listening.speak(0.48)
    assert listening.heard.events == []
    listening.speak(0.02)
    assert listening.heard.events == [Transcript("one")]
    listening.speak(1.0)
    assert [event.text for event in listening.heard.events] == ["one", "one two", "one two three"]


def test_words_show_up_no_more_often_than_is_set_and_not_at_all_where_partials_are_off() -> None:
    for interval_s, shown in ((1.2, ["one", "one two three"]), (None, [])):
        listening = Listening(partial_interval_s=interval_s)
        listening.stream.begin_speech()
        listening.speak(1.8)
        assert [event.text for event in listening.heard.events] == shown
        assert listening.final(1) == "one two three"


def test_nothing_is_shown_before_speech_was_detected_but_it_counts() -> None:
    listening = Listening()
    listening.speak(0.5)
    assert listening.heard.events == []
    listening.stream.begin_speech()
    listening.speak(0.02)
    assert listening.heard.events == [Transcript("one")]


def test_silence_reveals_no_words() -> None:
    listening = Listening()
    listening.stream.begin_speech()
    listening.speak(0.5)
    listening.stream.push(silence(5.0))
    assert listening.final(1) == "one"


def test_the_final_text_is_what_was_revealed_and_never_more_than_the_script() -> None:
    listening = Listening()
    listening.speak(1.2)
    assert listening.final(1) == "one two"
    listening.speak(10)
    assert listening.final(2) == "one two three four"


def test_the_next_turn_has_the_next_text_and_the_script_begins_again() -> None:
    listening = Listening()
    finals = []
    for fork in range(3):
        listening.speak(2.0)
        finals.append(listening.final(fork))
        listening.stream.commit()
    assert finals == ["one two three four", "five six", "one two three four"]


def test_what_is_said_after_the_last_fork_belongs_to_the_next_turn() -> None:
    listening = Listening()
    listening.speak(1.0)
    listening.final(1)
    listening.speak(0.5)
    listening.stream.commit()
    assert listening.final(2) == "five"


def test_partials_go_on_over_a_commit_if_speech_began_after_the_fork() -> None:
    listening = Listening()
    listening.stream.begin_speech()
    listening.speak(1.0)
    listening.final(1)
    listening.stream.begin_speech()
    listening.stream.commit()
    listening.speak(0.5)
    assert listening.heard.events[-1] == Transcript("five")


def test_partials_end_with_the_turn() -> None:
    listening = Listening()
    listening.stream.begin_speech()
    listening.speak(1.0)
    listening.final(1)
    listening.stream.commit()
    listening.heard.events.clear()
    listening.speak(1.0)
    assert listening.heard.events == []


def test_a_cough_has_no_words_and_uses_up_no_text() -> None:
    listening = Listening()
    listening.speak(0.14)
    assert listening.final(1) == ""
    listening.stream.commit()
    listening.speak(0.5)
    assert listening.final(2) == "one"


def test_at_most_one_partial_waits_and_a_final_takes_its_place() -> None:
    listening = Listening()
    listening.stream.begin_speech()
    for _ in range(4):
        listening.stream.push(voice(0.5))
    assert len(drive(listening.engine)) == 1
    listening.stream.push(voice(0.5))
    listening.stream.finalise(1, 5.0)
    assert [batch.cost_key[0] for batch in drive(listening.engine)] == ["asr.final"]


def test_a_partial_is_due_soon_after_the_scheduler_first_saw_it() -> None:
    listening = Listening()
    listening.stream.begin_speech()
    listening.stream.push(voice(0.5))
    for now in (7.0, 7.05):
        batch = listening.engine.pending(now)
        assert batch is not None
        assert batch.deadline == 7.0 + PARTIAL_WITHIN_S


def test_sessions_do_not_hear_each_other() -> None:
    listening = Listening()
    other = Heard()
    deaf = listening.engine.open(other.events.append)
    listening.stream.begin_speech()
    deaf.begin_speech()
    listening.speak(1.0)
    assert other.events == []


def test_a_function_may_write_the_texts_and_may_fail() -> None:
    def text(turn: int) -> str:
        if turn == 1:
            raise ValueError("out of ideas")
        return f"turn {turn}"

    listening = Listening(text)
    listening.speak(1.0)
    assert listening.final(1) == "turn 0"
    listening.stream.commit()
    listening.speak(1.0)
    listening.stream.finalise(2, 5.0)
    drive(listening.engine)
    failed = listening.heard.events[-1]
    assert isinstance(failed, StreamFailed)
    assert failed.tag == 2


def test_what_a_stream_is_given_to_hear_takes_its_time_and_ends_with_its_last_word() -> None:
    listening = Listening()
    assert listening.engine.say(listening.stream.number, "how are you?") == 1.5
    listening.stream.begin_speech()
    listening.speak(1.48)
    assert [event.text for event in listening.heard.events] == ["how", "how are"]
    listening.speak(0.02)
    assert listening.final(1) == "how are you?"
    listening.speak(5.0)
    assert listening.final(2) == "how are you?", "a sound without words has none"


def test_words_given_later_go_on_in_the_turn_and_not_in_the_next() -> None:
    listening = Listening()
    for fork, words in enumerate(("one", "two three", "four"), 1):
        listening.speak(listening.engine.say(listening.stream.number, words))
        if fork == 2:
            assert listening.final(fork) == "one two three"
            listening.stream.commit()
    assert listening.final(3) == "four"


def test_words_given_at_once_are_heard_one_after_the_other() -> None:
    listening = Listening()
    for words in ("one two", "three"):
        listening.engine.say(listening.stream.number, words)
    listening.speak(1.0)
    assert listening.final(1) == "one two"
    listening.speak(0.5)
    assert listening.final(2) == "one two three"


def test_each_stream_hears_its_own_words() -> None:
    listening, other = Listening(), Heard()
    stream = listening.engine.open(other.events.append)
    listening.engine.say(stream.number, "hello there")
    listening.speak(2.0)
    stream.push(voice(1.0))
    stream.finalise(1, 5.0)
    drive(listening.engine)
    assert other.events[-1].text == "hello there"
    assert listening.final(1) == "one two three four", "as its script has it"


def test_a_cough_in_a_given_turn_is_no_turn() -> None:
    listening = Listening()
    listening.engine.say(listening.stream.number, "yes")
    listening.speak(0.5)
    assert listening.final(1) == "yes"
    listening.stream.commit()
    listening.speak(3.0)
    assert listening.final(2) == ""
