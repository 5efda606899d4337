"""The work that the engines are measured on: rounds of talk, by lane.

A round asks every stream for the same, at each `yield` waits until all of it is done, and covers every kind of step
that conversations bring. Knows neither clocks of steps nor threads.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from voiceagent.engines.asr.contract import SAMPLE_RATE, AsrStream
from voiceagent.engines.llm.contract import LlmStream, Message
from voiceagent.engines.tts.contract import TtsStream
from voiceagent.engines.turn.contract import WINDOW_S, TurnStream
from voiceagent.engines.vad.contract import FRAME_SAMPLES, VadStream

TURNS_S = (6.0, 2.0, 8.0, 4.0)
"""How long the user speaks: what grows with it is seen at most sizes in the first round."""
PIECE_S = 0.4
"""Audio between two looks at what is pending: about what comes between two partial transcripts."""
FRAMES = 25
"""Frames of voice activity detection in a round."""
QUESTIONS = (
    "What is the deepest sea?",
    "Tell me something about bees, please.",
    "I was walking along the river this morning, and there was a bird I had never seen before, small and quite round, "
    "with a blue back and an orange belly, sitting on a branch above the water and diving in again and again. "
    "Do you know what it might have been, and whether it stays here over the winter?",
    "And why is that?",
)
SENTENCES = (
    "Yes, of course.",
    "The deepest part of the ocean is the Mariana Trench, in the western Pacific.",
    "Well, it depends!",
    "Bees live together in large families.",
    "That was most likely a kingfisher, which lives along slow rivers all year round, dives for small fish, and is "
    "seen far less often than it is heard.",
)
INTRODUCTION = "Hello there, my name is Robin, and I would like to ask you a few questions about the sea."


@dataclass(frozen=True, slots=True)
class Talk:
    """What is said."""

    speech: NDArray[np.float32]
    """The user's speech: 16 kHz mono, at least as long as the longest turn."""
    system_prompt: str


Round = Iterator[None]


def hear(talk: Talk, streams: Sequence[AsrStream], number: int) -> Round:
    """Listen to a turn as it comes, and transcribe it."""
    for stream in streams:
        stream.begin_speech()
    turn = talk.speech[: int(TURNS_S[number % len(TURNS_S)] * SAMPLE_RATE)]
    for start in range(0, len(turn), int(PIECE_S * SAMPLE_RATE)):
        for stream in streams:
            stream.push(turn[start : start + int(PIECE_S * SAMPLE_RATE)])
        yield
    now = monotonic()
    for stream in streams:
        stream.finalise(number, now)
    yield
    for stream in streams:
        stream.commit()


def reply(talk: Talk, streams: Sequence[LlmStream], number: int) -> Round:
    """Answer a question, a different one per stream, all with the same deadline."""
    now = monotonic()
    for stream, which in zip(streams, count(number)):
        question = QUESTIONS[which % len(QUESTIONS)]
        stream.generate(number, (Message("system", talk.system_prompt), Message("user", question)), now)
    yield


def speak(talk: Talk, streams: Sequence[TtsStream], number: int) -> Round:
    """Speak two sentences, different ones per stream, all with the same deadline, so that they share their steps."""
    now = monotonic()
    for stream, which in zip(streams, count(2 * number)):
        for segment in range(2):
            stream.speak(number, segment, SENTENCES[(which + segment) % len(SENTENCES)], now)
    yield


def watch(talk: Talk, streams: Sequence[VadStream], number: int) -> Round:
    """Look for speech, frame by frame."""
    for start in range(0, FRAMES * FRAME_SAMPLES, FRAME_SAMPLES):
        for stream in streams:
            stream.push(talk.speech[start : start + FRAME_SAMPLES], monotonic())
        yield


def judge(talk: Talk, streams: Sequence[TurnStream], number: int) -> Round:
    """Judge whether the turn is over."""
    for stream in streams:
        stream.predict(number, talk.speech[-int(WINDOW_S * SAMPLE_RATE) :], monotonic())
    yield


ROUNDS: dict[str, Callable[..., Round]] = {"asr": hear, "llm": reply, "tts": speak, "vad": watch, "turn": judge}
"""By lane: (talk, streams, number) of a round; numbers grow."""


def introduce(streams: Sequence[TtsStream], number: int) -> Round:
    """Say something: this will be the user's speech."""
    for stream in streams:
        stream.speak(number, 0, INTRODUCTION, monotonic())
    yield
