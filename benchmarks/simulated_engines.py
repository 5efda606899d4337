"""Scripted engines as different systems would drive them: ours by deadlines, others in the order of arrival.

A system here is a way to order work: the policy between lanes, the order inside an engine, and who may share a step.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from benchmarks.cost_tables import CHUNK_S, WORD_S, Device
from benchmarks.order_of_arrival import RoundRobin, fifo
from voiceagent.engines.asr.contract import SAMPLE_RATE, AsrEvent
from voiceagent.engines.asr.scripted.engine import UNDATED, ScriptedAsr, ScriptedAsrStream
from voiceagent.engines.contract import CostKey, Need
from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.queue import Job
from voiceagent.engines.scripted import ScriptedEngine, ScriptedStep
from voiceagent.engines.timing import CostTable
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.engines.turn.scripted.engine import ScriptedTurn
from voiceagent.engines.vad.scripted.engine import ScriptedVad
from voiceagent.scheduler.policy import Policy, decide
from voiceagent.testing import Scripts

QUESTIONS = ("Hello, can you hear me?", "Tell me something about whales there.", "Thank you, that was nice.")
"""What callers say, as far as they come: they may stop at any word, and none of them asks for another."""
CHUNK: CostKey = ("asr.chunk", 1)
CHUNK_TAG = -2
TTS_RATE = 8_000
"""Hz: the simulation only asks whether the agent is audible, and a low rate makes it fast."""
SEED_LLM_SLOTS = 2


class StreamingAsr(ScriptedAsr):
    """A recogniser that takes a step for every chunk of audio, voiced or not, as Nemotron does."""

    partial_within_s = CHUNK_S
    streams = 0

    def open(self, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED) -> ScriptedAsrStream:
        """Start listening for one session."""
        self.streams += 1
        return StreamingAsrStream(self, next(self._stream_ids), on_event, need)

    def sharing(self, kind: str) -> int:
        """Every stream has a chunk soon."""
        return self.streams if kind == CHUNK[0] else 0


class StreamingAsrStream(ScriptedAsrStream):
    """One session's stream; its transcripts come from the chunks, so that showing them costs almost nothing."""

    def __init__(
        self, engine: StreamingAsr, stream: int, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED
    ) -> None:
        super().__init__(engine, stream, on_event, need)
        self._recogniser = engine
        self._unheard = 0

    def close(self) -> None:
        """End the stream."""
        super().close()
        self._recogniser.streams -= 1

    def push(self, pcm: NDArray[np.float32]) -> None:
        """Hear more audio; a whole chunk asks for a step."""
        super().push(pcm)
        self._unheard += len(pcm)
        if self._unheard >= CHUNK_S * SAMPLE_RATE:
            self._unheard -= round(CHUNK_S * SAMPLE_RATE)
            self._submit(CHUNK_TAG, UNDATED, CHUNK, self._step(), Need.PROMISED)

    def _step(self) -> Generator[ScriptedStep, None, None]:
        yield ScriptedStep(None)


class InOrder(ScriptedEngine):
    """Orders by arrival, and shares a step between all that wait, as servers with continuous batching do."""

    def ready(self) -> list[Job]:
        """Return each stream's oldest job: its order of work is its own."""
        oldest = {job.stream: job for job in reversed(super().ready())}
        return list(oldest.values())

    def urgency(self, job: Job, now: float) -> tuple[float, ...]:
        """The stream that has waited longest goes first."""
        return (job.place,)

    def goes_along(self, job: Job, first: Job, now: float) -> bool:
        """Everybody."""
        return True


class InOrderAsr(InOrder, StreamingAsr):
    """A streaming recogniser in order of arrival."""


class InOrderWholeAsr(InOrder, ScriptedAsr):
    """A recogniser of whole stretches of speech in order of arrival."""


class InOrderLlm(InOrder, ScriptedLlm):
    """A language model in order of arrival."""


class InOrderTts(ScriptedTts, InOrder):
    """A voice in order of arrival."""


class HandShakeLlm(InOrderLlm):
    """Writes a sentence, and goes on when the voice has spoken it: as pipecat-ai/nemotron-january-2026 does.

    Sessions open one stream in every engine, so that a stream has the same number in all of them.
    """

    def __init__(self, tts: ScriptedTts, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self._tts = tts

    def ready(self) -> list[Job]:
        """Leave out streams that are being spoken."""
        spoken = {job.stream for job in self._tts.ready()}
        return [job for job in super().ready() if job.stream not in spoken]


@dataclass(frozen=True, slots=True)
class System:
    """A way to order work."""

    name: str
    policy: Callable[[], Policy]
    by_deadline: bool = False
    hand_shake: bool = False


SYSTEMS = (
    System("ours", lambda: decide, by_deadline=True),
    System("fifo", lambda: fifo),
    System("round-robin", RoundRobin),
    System("hand-shake", lambda: fifo, hand_shake=True),
)


def engines(system: System, device: Device, callers: int) -> Scripts:
    """Return the scripted engines of a system on a device."""
    table = one_at_a_time(device.table) if system.hand_shake else device.table
    timing = {"timing": table, "sleep": lambda seconds: None}
    recogniser = {
        (True, True): StreamingAsr,
        (True, False): ScriptedAsr,
        (False, True): InOrderAsr,
        (False, False): InOrderWholeAsr,
    }[system.by_deadline, device.streaming]
    voice = ScriptedTts if system.by_deadline else InOrderTts
    tts = voice(sample_rate=TTS_RATE, word_s=WORD_S, **timing)  # type: ignore[arg-type]
    llm: ScriptedLlm
    if system.hand_shake:
        llm = HandShakeLlm(tts, reply, sequences=callers, **timing)
    else:
        model = ScriptedLlm if system.by_deadline else InOrderLlm
        llm = model(reply, sequences=callers, **timing)  # type: ignore[arg-type]
    return Scripts(
        asr=recogniser(QUESTIONS, **timing),  # type: ignore[arg-type]
        llm=llm,
        tts=tts,
        vad=ScriptedVad(**timing),  # type: ignore[arg-type]
        turn=ScriptedTurn(**timing),  # type: ignore[arg-type]
    )


def one_at_a_time(table: CostTable) -> CostTable:
    """Return a table whose recogniser and voice serve one stream a step, behind a lock, and whose LLM has two slots."""

    def limited(kind: str) -> dict[int, float]:
        sizes = range(1, (SEED_LLM_SLOTS if kind == "llm.decode" else 1) + 1)
        return {size: table.cost_s((kind, size)) for size in sizes}

    gpu = ("asr.", "llm.", "tts.")
    return CostTable({kind: limited(kind) if kind.startswith(gpu) else sizes for kind, sizes in table.steps.items()})


def reply(messages: tuple[Message, ...]) -> str:
    """Answer in one to six sentences, mostly few; the same question at the same place gets the same answer."""
    dice = Random(f"{len(messages)} {messages[-1].content}")
    sentences = dice.choices((1, 2, 3, 6), (3, 4, 2, 1))[0]

    def word() -> str:
        return "".join(dice.choices("bdfgklmnprst", k=4))  # no two answers alike: a session would make one again

    return " ".join(" ".join(["Well", *(word() for _ in range(dice.randint(7, 13)))]) + "." for _ in range(sentences))
