"""The numbers that the rules of a conversation use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of the conversation. Durations in seconds."""

    language: str
    """What the user speaks (ISO 639-1): which words mean "go on", and which end no sentence."""
    judge: bool
    """Ask a turn detector; otherwise a turn ends after `silence_s` of silence."""
    preemptive: bool
    """Prepare the response before the turn is known to be over."""
    cut_off_cost_s: float
    """Answering into a pause is as bad as this many seconds of waiting for an answer."""
    stop_s: float
    """Silence after which SpeechStopped comes."""
    silence_s: float
    max_wait_s: float
    """Silence after which a turn ends though it seemed incomplete."""
    patience_s: float
    """Silence after which a turn ends that may go on piece by piece, or of which nothing is known; at most that."""
    min_speech_s: float
    """A shorter sound never interrupts the agent."""
    interrupt_after_s: float
    """Speech this long interrupts the agent even before a word of it is understood."""
    idle_s: float
    """Silence after which the agent asks whether the user is still there; 0 for never."""
    min_confidence: float
    """A transcript of which the recogniser is less sure than this (0 to 1) is asked back, once; 0 for never."""
    max_speech_s: float
    """Speech this long without a pause is a turn, though it goes on."""
    greet: bool
    """Say something first, when the door opens."""
    manual: bool = False
    """Turns are ended by hand: speech by itself ends none, interrupts nothing and has no answer prepared."""
    answer: bool = True
    """Answer a turn that is over; otherwise it is remembered, and answered when that is asked for."""
    interruptible: bool = True
    """Let speech interrupt the agent; otherwise what is said meanwhile becomes the next turn."""
