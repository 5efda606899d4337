"""What a door without a conversation asks of the process: streams of its engines, and what they can do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from voiceagent.engines.asr.contract import AsrEvent, AsrStream
from voiceagent.engines.contract import Need
from voiceagent.engines.llm.contract import LlmEvent, LlmStream, Message
from voiceagent.engines.tts.contract import TtsEvent, TtsStream
from voiceagent.engines.vad.contract import VadEvent, VadStream


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the loaded recogniser and voice know. Languages are ISO 639-1 codes; none where any will do."""

    heard: tuple[str, ...]
    """The recogniser's languages."""
    spoken: tuple[str, ...]
    """The voice's languages."""
    voices: tuple[str, ...]
    """The voices, the default first."""
    voice_rate: int
    """Hz of the voice's audio."""


class Lender(Protocol):
    """Lends streams that belong to no session; closing one frees its place (server.speech_streams).

    Each `open_` raises UnavailableError when none is left, answers to callers come late, or the engine is out of order.
    """

    @property
    def abilities(self) -> Abilities:
        """What recogniser and voice know. Raises VoiceAgentError while they load."""

    def open_recogniser(self, on_event: Callable[[AsrEvent], None], need: Need = Need.PROMISED) -> AsrStream:
        """Lend a recogniser's stream that belongs to no session; closing it frees its place.

        None of its work is more urgent than `need`. Raises UnavailableError when none is left (server.speech_streams)
        or the server is overloaded.
        """

    def open_voice(self, on_event: Callable[[TtsEvent], None]) -> TtsStream:
        """Lend a voice's stream likewise."""

    def open_model(self, on_event: Callable[[LlmEvent], None]) -> LlmStream:
        """Lend a language model's stream likewise."""

    def count_tokens(self, messages: tuple[Message, ...]) -> int:
        """Return how many tokens a conversation takes of the model's context. Raises VoiceAgentError for one that the
        model cannot be shown.
        """

    def open_detector(self, on_event: Callable[[VadEvent], None]) -> VadStream:
        """Open a voice activity detector's stream, which goes with a lent recogniser; there is always a place."""
