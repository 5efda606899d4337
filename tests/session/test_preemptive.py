"""Wrong guesses cost work and nothing else: with and without them, a conversation is the same word for word."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from voiceagent.engines.llm.contract import Message
from voiceagent.testing import Conversation, run_virtual

TEXTS = [
    "please tell me something about the deep blue sea and its fish if you do not mind",
    "and what do those live on who never see the sun at all down there in the dark",
    "thank you very much indeed for telling me all of this so well and so patiently",
]
MUTE = ("session.greeting=''", "session.idle_s=0", "turn.engine=smart_turn")

Turn = list[tuple[float, float]]
"""Seconds of speech, and of the hesitation after it."""

speech = st.integers(30, 75).map(lambda frames: frames / 50)  # a word at least
hesitation = st.integers(2, 45).map(lambda frames: frames / 50)  # shorter than a turn that seems unfinished waits
turns = st.lists(st.lists(st.tuples(speech, hesitation), min_size=1, max_size=3), min_size=1, max_size=2)


@dataclass
class Told:
    """What is left of a conversation."""

    transcripts: list[str]
    heard: list[str]
    outcomes: list[str | None]
    history: tuple[Message, ...]
    guesses: int
    wrong: int


def reply(messages: tuple[Message, ...]) -> str:
    """Answer so that every word that was understood, and all that went before, makes a difference."""
    words = messages[-1].content.split()
    return f"That makes {len(words)} words in {len(messages)} messages. The last of them was {words[-1]}."


def converse(script: list[Turn], *sets: str) -> Told:
    finished = [False]

    async def main() -> Told:
        conversation = Conversation(
            "scripted.yaml", [*MUTE, *sets], asr=TEXTS, llm=reply, turn=lambda n: 1.0 if finished[0] else 0.0
        )
        async with conversation as talk:
            for turn in script:
                for number, (speech_s, hesitation_s) in enumerate(turn):
                    finished[0] = False
                    await talk.speaks(speech_s)
                    finished[0] = number == len(turn) - 1
                    await talk.listens(9.0 if finished[0] else hesitation_s)
            history = talk.session._history.messages
        traces = talk.turns
        return Told(
            [trace.user_text for trace in traces],
            [trace.agent_text for trace in traces],
            [trace.outcome for trace in traces],
            history,
            sum(trace.speculations_used + trace.speculations_dropped for trace in traces),
            sum(trace.speculations_dropped for trace in traces),
        )

    told: Told = run_virtual(main())
    return told


@settings(max_examples=12)
@given(turns)
def test_guesses_change_no_transcript_no_reply_and_no_memory(script: list[Turn]) -> None:
    with_guesses, without = converse(script), converse(script, "llm.preemptive=false")
    assert without.guesses == 0
    assert with_guesses.transcripts == without.transcripts
    assert with_guesses.heard == without.heard
    assert with_guesses.history == without.history
    assert with_guesses.outcomes == ["completed"] * len(script)


def test_a_hesitant_speaker_is_guessed_at_and_wrong_guesses_are_counted() -> None:
    told = converse([[(1.0, 0.8), (1.0, 0.8), (1.5, 0.0)]])
    assert told.wrong >= 1
    assert told.guesses <= 4, "one for each silence, at the most"
