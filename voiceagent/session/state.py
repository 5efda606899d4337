"""The state of one conversation: frozen, complete, and free of any resource."""

from dataclasses import dataclass
from enum import Enum

from voiceagent.session.effects import Floor, Kind


class User(Enum):
    """What the user is doing."""

    SILENT = "silent"
    SPEAKING = "speaking"
    PAUSED = "paused"
    """Silent for a moment, in a turn."""
    WAITING = "waiting"
    """Silent for long enough to have finished; not yet decided."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of the conversation. Durations in seconds."""

    judge: bool
    """Ask a turn detector; otherwise a turn ends after `silence_s` of silence."""
    preemptive: bool
    """Prepare the response before the turn is known to be over."""
    threshold: float
    """Probability from which a turn counts as complete."""
    stop_s: float
    """Silence after which SpeechStopped comes."""
    silence_s: float
    min_wait_s: float
    max_wait_s: float
    """Silence after which a turn ends though it seemed incomplete, at least and at most."""
    min_speech_s: float
    """A shorter sound never interrupts the agent."""
    interrupt_after_s: float
    """Speech this long interrupts the agent even before a word of it is understood."""
    idle_s: float
    """Silence after which the agent asks whether anybody is there; 0 for never."""
    greet: bool


@dataclass(frozen=True, slots=True)
class Response:
    """The live response."""

    generation: int
    kind: Kind
    text: str
    released: bool = False
    audible: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Everything a rule may look at."""

    rules: Rules
    open: bool = False
    closed: bool = False
    user: User = User.SILENT
    turn: int = 1
    fork: int = 0
    transcript: str | None = None
    """Final text of the current fork; None while it is not known."""
    unheard: bool = False
    """That text is empty because the recogniser failed."""
    probability: float | None = None
    """The turn detector's verdict on the current fork; None while it is not known."""
    speech_s: float = 0.0
    """Voiced seconds of the turn so far."""
    started_at: float = 0.0
    """When the user last began to speak; time as in events."""
    stopped_at: float = 0.0
    """When SpeechStopped last came."""
    pause_s: float = 0.0
    """How long this user pauses in mid-turn, learned; 0 while unknown."""
    complete: bool = False
    """The turn is judged to be over; only its transcript is still awaited."""
    generation: int = 0
    response: Response | None = None
    nudged: bool = False
    """The agent has asked once whether anybody is there."""
    floor: Floor = Floor.NOBODY
