"""One session's voice, as in `engines/tts/contract.py`, with a choice of voice, language and mode per segment."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from voiceagent.engines.contract import Need
from voiceagent.engines.tts.contract import TtsEvent
from voiceagent.engines.tts.magpie.decode_loop import Context
from voiceagent.engines.tts.magpie.segment import Mode, Segment

if TYPE_CHECKING:
    from voiceagent.engines.tts.magpie.engine import MagpieEngine


class MagpieStream:
    """Hands segments to the engine; those of a generation share their context."""

    def __init__(self, engine: "MagpieEngine", number: int, on_event: Callable[[TtsEvent], None]) -> None:
        self._engine = engine
        self.number = number
        self._on_event = on_event
        self._contexts: dict[int, Context] = {}

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
        mode: Mode = "stream",
    ) -> None:
        """Synthesise one segment, after the earlier ones of its generation.

        `mode` "batch" gives its audio in one piece. Raises VoiceAgentError for an unknown voice or language.
        """
        style = self._engine.style(voice, language)
        for older in [known for known in self._contexts if known < generation]:
            if not self._engine.is_queued(self.number, older):
                del self._contexts[older]
        context = self._contexts.setdefault(generation, Context())
        self._engine.submit(
            Segment(
                self.number,
                generation,
                segment,
                text,
                *style,
                mode,
                self._engine.seed,
                deadline,
                need,
                self._on_event,
                context,
            )
        )

    def reschedule(self, generation: int, deadline: float, *, need: Need = Need.AWAITED) -> None:
        """Move the deadline of the generation's next audio."""
        self._engine.reschedule(self.number, generation, deadline, need=need)

    def cancel(self, generation: int) -> None:
        """Drop the generation's segments; they send no event after this call."""
        self._contexts.pop(generation, None)
        self._engine.cancel(self.number, generation)

    def close(self) -> None:
        """End the stream."""
        self._contexts.clear()
        self._engine.cancel(self.number)
