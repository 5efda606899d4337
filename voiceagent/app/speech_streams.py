"""Recognisers, models and voices alone: engine streams for doors that hold no conversation.

They take places of their own (`server.speech_streams`), so that no caller's place is taken by a client that only wants
a text read aloud, and none is lent while answers to callers come late.
"""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from voiceagent.doors.errors import UnavailableError
from voiceagent.doors.lender import Abilities
from voiceagent.engines.asr.contract import AsrEngine, AsrEvent, AsrStream
from voiceagent.engines.contract import Need
from voiceagent.engines.llm.contract import ENGINES_OWN, LlmEngine, LlmEvent, LlmStream, Message, ReplyOptions
from voiceagent.engines.names import name_of
from voiceagent.engines.tts.contract import TtsEngine, TtsEvent, TtsStream
from voiceagent.engines.vad.contract import VadEvent, VadStream
from voiceagent.session.engines import Engines

LOADING_RETRY_S, RETRY_S = 2, 5
"""Models load soon; a sentence is spoken within seconds."""


class Stream(Protocol):
    """What all engines' streams have in common."""

    number: int
    """What the engine's batches call it."""

    def close(self) -> None:
        """End the stream."""


S = TypeVar("S", bound=Stream)


class Lent(Generic[S]):
    """A stream that gives its place back when it is closed, once."""

    def __init__(self, stream: S, give_back: Callable[[], None]) -> None:
        self.number = stream.number
        self._stream = stream
        self._give_back: Callable[[], None] | None = give_back

    def close(self) -> None:
        """End the stream. Safe to call twice."""
        if (give_back := self._give_back) is None:
            return
        self._give_back = None
        try:
            self._stream.close()
        finally:
            give_back()


class LentRecogniser(Lent[AsrStream]):
    """A recogniser's stream, as `engines/asr/contract.py` has it."""

    def push(self, pcm: NDArray[np.float32]) -> None:
        """Hear more audio (16 kHz mono float32), in speech and in silence."""
        self._stream.push(pcm)

    def begin_speech(self) -> None:
        """Speech was detected just now."""
        self._stream.begin_speech()

    def finalise(self, fork: int, deadline: float) -> None:
        """Transcribe all up to now on a fork."""
        self._stream.finalise(fork, deadline)

    def commit(self) -> None:
        """Forget the audio up to the last fork."""
        self._stream.commit()


class LentVoice(Lent[TtsStream]):
    """A voice's stream, as `engines/tts/contract.py` has it."""

    def speak(
        self,
        generation: int,
        segment: int,
        text: str,
        deadline: float,
        *,
        need: Need = Need.AWAITED,
        voice: str | None = None,
        language: str | None = None,
    ) -> None:
        """Synthesise one segment. Raises VoiceAgentError for an unknown voice."""
        self._stream.speak(generation, segment, text, deadline, need=need, voice=voice, language=language)

    def reschedule(self, generation: int, deadline: float, *, need: Need = Need.AWAITED) -> None:
        """Update when the generation's next audio is needed."""
        self._stream.reschedule(generation, deadline, need=need)

    def cancel(self, generation: int) -> None:
        """Drop the generation's segments."""
        self._stream.cancel(generation)


class LentModel(Lent[LlmStream]):
    """A language model's stream, as `engines/llm/contract.py` has it."""

    def prepare(self, messages: tuple[Message, ...]) -> None:
        """Prefill a conversation when there is time."""
        self._stream.prepare(messages)

    def generate(
        self,
        generation: int,
        messages: tuple[Message, ...],
        deadline: float,
        *,
        need: Need = Need.AWAITED,
        options: ReplyOptions = ENGINES_OWN,
    ) -> None:
        """Reply to `messages`."""
        self._stream.generate(generation, messages, deadline, need=need, options=options)

    def reschedule(self, generation: int, deadline: float, *, need: Need = Need.AWAITED) -> None:
        """Move the deadline of the next tokens."""
        self._stream.reschedule(generation, deadline, need=need)

    def cancel(self, generation: int) -> None:
        """Drop the reply."""
        self._stream.cancel(generation)


class SpeechStreams:
    """Lends at most `most` streams at once. `on_change` gets the number lent."""

    def __init__(
        self,
        most: int,
        is_late: Callable[[], bool],
        troubles: Callable[[], dict[str, str]],
        on_change: Callable[[int], None],
    ) -> None:
        self._most = most
        self._is_late = is_late
        self._troubles = troubles
        self._on_change = on_change
        self._lent = 0

    def recogniser(
        self, engine: AsrEngine, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED
    ) -> LentRecogniser:
        """Lend a recogniser's stream. Raises UnavailableError when there is none to lend."""
        self._require(engine.lane)
        return LentRecogniser(engine.open(on_event, need), self._take())

    def voice(self, engine: TtsEngine, on_event: Callable[[TtsEvent], None]) -> LentVoice:
        """Lend a voice's stream. Raises UnavailableError when there is none to lend."""
        self._require(engine.lane)
        return LentVoice(engine.open(on_event), self._take())

    def model(self, engine: LlmEngine, on_event: Callable[[LlmEvent], None]) -> LentModel:
        """Lend a language model's stream likewise."""
        self._require(engine.lane)
        return LentModel(engine.open(on_event), self._take())

    def _require(self, lane: str) -> None:
        if (why := self._troubles().get(lane)) is not None:
            raise UnavailableError("out_of_order", f"The {name_of(lane)} is not working: {why}", RETRY_S)
        if self._lent >= self._most:
            text = f"All {self._most} speech streams (server.speech_streams) are taken. Try again in {RETRY_S} s."
            raise UnavailableError("server_full", text, RETRY_S)
        if self._is_late():
            text = f"The server is overloaded right now. Try again in {RETRY_S} s."
            raise UnavailableError("server_busy", text, RETRY_S)

    def _take(self) -> Callable[[], None]:
        self._count(+1)
        return lambda: self._count(-1)

    def _count(self, change: int) -> None:
        self._lent += change
        self._on_change(self._lent)


class Lending:
    """What an agent lends to doors that hold no conversation (`doors/lender.py`)."""

    _speech: SpeechStreams

    @property
    def engines(self) -> Engines:
        """The loaded models. Raises VoiceAgentError before they are."""
        raise NotImplementedError

    def readiness(self) -> dict[str, bool]:
        """Return, for each engine, whether it is loaded, warm and healthy."""
        raise NotImplementedError

    def troubles(self) -> dict[str, str]:
        """Return, for each unhealthy engine, what is wrong."""
        raise NotImplementedError

    @property
    def abilities(self) -> Abilities:
        """What recogniser and voice know. Raises UnavailableError while they load."""
        engines = self._loaded("asr", "tts")
        return Abilities(engines.asr.languages, engines.tts.languages, engines.tts.voices, engines.tts.sample_rate)

    def open_recogniser(self, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED) -> LentRecogniser:
        """Lend a recogniser's stream, none of whose work is more urgent than `need`."""
        return self._speech.recogniser(self._loaded("asr", "vad").asr, on_event, need)

    def open_voice(self, on_event: Callable[[TtsEvent], None]) -> LentVoice:
        """Lend a voice's stream."""
        return self._speech.voice(self._loaded("tts").tts, on_event)

    def open_model(self, on_event: Callable[[LlmEvent], None]) -> LentModel:
        """Lend a language model's stream."""
        return self._speech.model(self._loaded("llm").llm, on_event)

    def count_tokens(self, messages: tuple[Message, ...]) -> int:
        """Return how many tokens a conversation takes of the model's context."""
        return self.engines.llm.count_tokens(messages)

    def open_detector(self, on_event: Callable[[VadEvent], None]) -> VadStream:
        """Open a voice activity detector's stream, which goes with a lent recogniser."""
        return self.engines.vad.open(on_event)

    def _loaded(self, *lanes: str) -> Engines:
        """Return the engines. Raises UnavailableError while one of these lanes' still loads."""
        ready, troubles = self.readiness(), self.troubles()
        if waiting := [name_of(lane) for lane in lanes if not ready.get(lane) and lane not in troubles]:
            raise UnavailableError(
                "not_ready", f"Still loading: {', '.join(waiting)}. Try again in a moment.", LOADING_RETRY_S
            )
        return self.engines
