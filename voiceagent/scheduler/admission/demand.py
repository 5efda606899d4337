"""What one conversation asks of the lanes: plain data, composed from the engines' specs.

Steps and seconds only. How long a step takes is in the cost model.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from voiceagent.engines.steps import Listening, Work, Works


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one caller's conversation asks for, in that order."""

    listening: tuple[Listening, ...]
    transcript: Works
    """The final text, from the first sign of silence on."""
    judgement: Works
    """Whether the turn is over, at the same time as the transcript."""
    prompt: Works
    """Reading what the caller said."""
    rereading: Works = ()
    """Reading what is left of a conversation that was too long; a caller waits only by asking before it is done."""
    reread_every: int = 1
    """The number of questions after which that happens."""
    first_text: Works
    """Writing the first segment of an answer."""
    text: Works
    """Writing any later segment."""
    voice: Works
    """What comes before a segment's first sound."""
    first_sound: Works
    """The first piece of sound of an answer, `first_sound_s` long."""
    first_sound_s: float
    sound: Works
    """Any other piece, `sound_s` long."""
    sound_s: float
    segment_s: float
    """The length of a segment's sound."""
    pause_s: float
    """From the last word to the first sign of silence."""
    stop_s: float
    """The least time from the last word to the answer's first sound."""
    sentence_pause_s: float
    """Intended silence after a segment."""
    sound_ahead_s: float
    """How long before the playout runs dry more sound is promised."""
    text_ahead_s: float
    """How long before the voice runs out of text more of it is promised."""
    preemptive: bool
    """Whether the answer is prepared from the first sign of silence on, or only from the turn's end."""

    def works(self) -> Iterator[Work]:
        """Return the steps of every stage."""
        writing = (self.prompt, self.rereading, self.first_text, self.text)
        stages = (self.transcript, self.judgement, *writing, self.voice)
        yield from chain(*stages, self.first_sound, self.sound, *(listening.works for listening in self.listening))
