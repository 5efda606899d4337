"""How a check drives an engine: it opens streams, gives them work, and runs the steps as a scheduler would."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from voiceagent.engines.contract import Batch
from voiceagent.engines.llm.contract import Message
from voiceagent.engines.vad.contract import FRAME_SAMPLES
from voiceagent.testing.sound import voice

MOST_STEPS = 5_000
"""More steps than any check needs: an engine that goes on for longer does not end."""
NOW, SOON, LATER = 100.0, 101.0, 140.0


def said(text: str) -> tuple[Message, ...]:
    """Return a conversation that has come to the user's `text`."""
    return (Message("system", "Answer in one short sentence."), Message("user", text))


def step(engine: Any) -> Batch | None:
    """Run the most urgent step as the scheduler would, and return its batch; None when there is no work."""
    batch: Batch | None = engine.pending(NOW)
    if batch is not None:
        try:
            results = engine.run(batch)
        except Exception as error:
            engine.fail(batch, error)
        else:
            engine.deliver(batch, results)
    return batch


def drive(engine: Any) -> list[Batch]:
    """Run steps until there is no more work, and return their batches."""
    batches: list[Batch] = []
    while (batch := step(engine)) is not None:
        batches.append(batch)
        assert len(batches) < MOST_STEPS, "the engine does not finish"
    return batches


@dataclass
class Heard:
    """The events of one stream."""

    events: list[Any] = field(default_factory=list)

    def of(self, kind: type) -> list[Any]:
        """Return the events of one type."""
        return [event for event in self.events if isinstance(event, kind)]


@contextmanager
def opened(engine: Any, *given: Any) -> Iterator[tuple[Any, Heard]]:
    """Open a stream, with what else `open` is given, for the length of a check."""
    heard = Heard()
    stream = engine.open(heard.events.append, *given)
    try:
        yield stream, heard
    finally:
        stream.close()
        drive(engine)


Ask = Callable[[Any, int, float], None]
"""Give a stream one piece of work: (stream, tag, deadline)."""


def ask_vad(stream: Any, tag: int, deadline: float) -> None:
    """Give a frame."""
    stream.push(voice(FRAME_SAMPLES / 16_000), deadline)


def ask_asr(stream: Any, tag: int, deadline: float) -> None:
    """Give a second of voice to transcribe."""
    stream.push(voice(1.0))
    stream.finalise(tag, deadline)


def ask_llm(stream: Any, tag: int, deadline: float) -> None:
    """Give a reply to write."""
    stream.generate(tag, said("Hello there."), deadline)


def ask_tts(stream: Any, tag: int, deadline: float) -> None:
    """Give a sentence to speak."""
    stream.speak(tag, 0, "Hello there.", deadline)


def ask_turn(stream: Any, tag: int, deadline: float) -> None:
    """Give a turn to judge."""
    stream.predict(tag, voice(1.0), deadline)


ASK: Mapping[str, Ask] = {"vad": ask_vad, "asr": ask_asr, "llm": ask_llm, "tts": ask_tts, "turn": ask_turn}
"""The function that gives an engine work, by the name of its lane."""
