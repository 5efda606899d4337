"""Recognisers, models and voices alone: engine streams for doors that hold no conversation.

They take places of their own (`server.speech_streams`), so that no caller's place is taken by a client that only wants
a text read aloud, and none is lent while answers to callers come late.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, cast

from voiceagent.doors.errors import AbsentError, UnavailableError
from voiceagent.doors.lender import Abilities
from voiceagent.engines.asr.contract import AsrEvent, AsrStream
from voiceagent.engines.contract import Need
from voiceagent.engines.llm.contract import LlmEvent, LlmStream, Message
from voiceagent.engines.names import name_of
from voiceagent.engines.tts.contract import TtsEvent, TtsStream
from voiceagent.engines.vad.contract import VadEvent, VadStream
from voiceagent.session.engines import Engines

LOADING_RETRY_S, RETRY_S = 2, 5
"""Models load soon; a sentence is spoken within seconds."""


class Stream(Protocol):
    """What all engines' streams have in common."""

    def close(self) -> None:
        """End the stream."""


S = TypeVar("S", bound=Stream)


class Lent:
    """A stream that gives its place back when it is closed, once. All else is the stream's own."""

    def __init__(self, stream: Stream, give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back: Callable[[], None] | None = give_back

    def __getattr__(self, name: str) -> Any:
        """Return what the stream has by that name."""
        return getattr(self._stream, name)

    def close(self) -> None:
        """End the stream. Safe to call twice."""
        if (give_back := self._give_back) is None:
            return
        self._give_back = None
        try:
            self._stream.close()
        finally:
            give_back()


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

    def lend(self, lane: str, open_stream: Callable[[], S]) -> S:
        """Open a stream of a lane's engine, and lend it. Raises UnavailableError when none can be lent."""
        self._require(lane)
        stream = open_stream()
        self._count(+1)
        return cast(S, Lent(stream, lambda: self._count(-1)))

    def _require(self, lane: str) -> None:
        if (why := self._troubles().get(lane)) is not None:
            raise UnavailableError("out_of_order", f"The {name_of(lane)} is not working: {why}", RETRY_S)
        if self._lent >= self._most:
            text = f"All {self._most} speech streams (server.speech_streams) are taken. Try again in {RETRY_S} s."
            raise UnavailableError("server_full", text, RETRY_S)
        if self._is_late():
            text = f"The server is overloaded right now. Try again in {RETRY_S} s."
            raise UnavailableError("server_busy", text, RETRY_S)

    def _count(self, change: int) -> None:
        self._lent += change
        self._on_change(self._lent)


class Lending:
    """What an agent lends to doors that hold no conversation (`doors/lender.py`)."""

    _speech: SpeechStreams
    models: Mapping[str, str]
    """The models that listen, think and speak, by the name shown to people; those that are left out are not there."""

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
        """What recogniser and voice know. Raises UnavailableError while they load, AbsentError without a voice."""
        self.require_engines("tts")
        engines = self._loaded(*({"asr", "tts"} & self.models.keys()))
        heard = engines.asr.languages if "asr" in self.models else ()
        return Abilities(heard, engines.tts.languages, engines.tts.voices, engines.tts.sample_rate)

    def open_recogniser(self, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED) -> AsrStream:
        """Lend a recogniser's stream, none of whose work is more urgent than `need`."""
        asr = self._loaded("asr", "vad").asr
        return self._speech.lend(asr.lane, lambda: asr.open(on_event, need))

    def open_voice(self, on_event: Callable[[TtsEvent], None]) -> TtsStream:
        """Lend a voice's stream."""
        tts = self._loaded("tts").tts
        return self._speech.lend(tts.lane, lambda: tts.open(on_event))

    def open_model(self, on_event: Callable[[LlmEvent], None]) -> LlmStream:
        """Lend a language model's stream."""
        llm = self._loaded("llm").llm
        return self._speech.lend(llm.lane, lambda: llm.open(on_event))

    def count_tokens(self, messages: tuple[Message, ...]) -> int:
        """Return how many tokens a conversation takes of the model's context."""
        self.require_engines("llm")
        return self.engines.llm.count_tokens(messages)

    def open_detector(self, on_event: Callable[[VadEvent], None]) -> VadStream:
        """Open a voice activity detector's stream, which goes with a lent recogniser."""
        return self.engines.vad.open(on_event)

    def require_engines(self, *kinds: str) -> None:
        """Raise AbsentError where one of these was left out."""
        for kind in kinds:
            if kind not in self.models:
                raise AbsentError(
                    "not_here", f"This server runs without a {name_of(kind)} ({kind}.engine: none in its settings)."
                )

    def _loaded(self, *lanes: str) -> Engines:
        """Return the engines. Raises UnavailableError while one of these still loads, AbsentError if it is left out."""
        self.require_engines(*({*lanes} & {"asr", "llm", "tts"}))
        ready, troubles = self.readiness(), self.troubles()
        if waiting := [name_of(lane) for lane in lanes if not ready.get(lane) and lane not in troubles]:
            raise UnavailableError(
                "not_ready", f"Still loading: {', '.join(waiting)}. Try again in a moment.", LOADING_RETRY_S
            )
        return self.engines
