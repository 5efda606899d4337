"""What one conversation asks of the lanes: plain data, said by whoever knows the engines.

Steps and seconds only. How long a step takes is not said here: the costs know that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from voiceagent.engines.steps import Listening, Work, Works


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one caller's conversation asks for, in the order in which it does."""

    listening: tuple[Listening, ...]
    transcript: Works
    """The final text, from the first sign of silence on."""
    judgement: Works
    """Whether the turn is over, beside the transcript."""
    prompt: Works
    """Reading what the caller said."""
    rereading: Works = ()
    """Reading what is left of a conversation that was too long; nobody waits, unless they ask before it is done."""
    reread_every: int = 1
    """That happens after every so many questions."""
    first_text: Works
    """Writing the first segment of an answer."""
    text: Works
    """Writing one of the next."""
    voice: Works
    """What a segment's voice begins with."""
    first_sound: Works
    """The first piece of sound of an answer, `first_sound_s` long."""
    first_sound_s: float
    sound: Works
    """Any other piece, `sound_s` long."""
    sound_s: float
    segment_s: float
    """A segment's sound."""
    pause_s: float
    """The first sign of silence comes so long after the last word."""
    stop_s: float
    """No answer is heard earlier after the last word."""
    sentence_pause_s: float
    """Meant silence after a segment."""
    sound_ahead_s: float
    """Sound is promised for so long before the playout runs dry."""
    text_ahead_s: float
    """Text is promised for so long before the voice has none left."""
    preemptive: bool
    """Whether the answer is prepared from the first sign of silence on, or only from the turn's end."""

    def works(self) -> Iterator[Work]:
        """Return the steps of every stage."""
        writing = (self.prompt, self.rereading, self.first_text, self.text)
        stages = (self.transcript, self.judgement, *writing, self.voice)
        yield from chain(*stages, self.first_sound, self.sound, *(listening.works for listening in self.listening))
