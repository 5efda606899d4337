"""What can happen to a session. `at` is event-loop time in seconds; the machine has no other clock."""

from dataclasses import dataclass
from enum import Enum

from voiceagent.session.rules import Rules


class Timer(Enum):
    """The machine's alarms; setting one again replaces it."""

    END_OF_TURN = "end_of_turn"
    """The user has been silent for long enough to end the turn, regardless of the turn detector."""
    INTERRUPT = "interrupt"
    """The user has talked over the agent for long enough to mean it."""
    UNDECIDED = "undecided"
    """No transcript has come for the sound that made the agent pause."""
    IDLE = "idle"
    """No one has spoken for a long while."""
    MAX_SPEECH = "max_speech"
    """The user has spoken without a pause for as long as is waited for one."""
    KEYS = "keys"
    """No further key was pressed for a while."""


class Outcome(Enum):
    """How a response ended."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Dropped before the user could have heard any of it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The door is open both ways."""

    at: float


@dataclass(frozen=True, slots=True)
class Closed:
    """The door is shut; nothing happens after it."""

    at: float


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The user began to make a speech-like sound."""

    at: float
    own: bool = False
    """It may be the agent's own voice, on a line that gives it back: it is no louder."""


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """First sign of silence."""

    at: float
    speech_s: float
    """Seconds of voiced sound since SpeechStarted."""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The silence has lasted: the speaker may have finished."""

    at: float


@dataclass(frozen=True, slots=True)
class PartialTranscript:
    """What the user has said so far in this turn."""

    at: float
    text: str
    """Without the agent's own words."""
    own: bool = False
    """There were only those."""


@dataclass(frozen=True, slots=True)
class FinalTranscript:
    """The transcript up to a fork; "" where nothing was understood."""

    at: float
    fork: int
    text: str
    failed: bool = False
    """The recogniser failed: what was said is unknown."""
    confidence: float | None = None
    """How sure the recogniser is, 0 to 1; None if it does not say."""
    own: bool = False
    """Only the agent's own words were heard; `text` is without them."""


@dataclass(frozen=True, slots=True)
class TurnJudged:
    """How likely it is that the user had finished at a fork."""

    at: float
    fork: int
    probability: float


@dataclass(frozen=True, slots=True)
class WordsJudged:
    """How likely the user's words are to end where they do, says the model that has read them for a response."""

    at: float
    generation: int
    probability: float


@dataclass(frozen=True, slots=True)
class TimerFired:
    """An alarm that was set and not cancelled."""

    at: float
    timer: Timer


@dataclass(frozen=True, slots=True)
class Typed:
    """The user wrote instead of speaking."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The user asked for silence by other means than speech (a button, a key)."""

    at: float


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """What was heard since the last turn is the user's turn, and it is over: by hand, whatever was said."""

    at: float


@dataclass(frozen=True, slots=True)
class TurnDiscarded:
    """What was heard since the last turn is to be forgotten."""

    at: float


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The user pressed a key of a telephone: one of 0 to 9, *, #, A to D."""

    at: float
    key: str


@dataclass(frozen=True, slots=True)
class Noted:
    """The conversation was changed from outside: what is being prepared does not know of it."""

    at: float


@dataclass(frozen=True, slots=True)
class SayRequested:
    """The agent is to speak a given text: when the floor is free, or at once."""

    at: float
    text: str
    interrupt: bool = False


@dataclass(frozen=True, slots=True)
class ReplyRequested:
    """The model is to say something unasked, when the floor is free."""

    at: float
    instructions: str = ""
    request: int = 0
    """The request's number; 0 for one that is never asked about again."""


@dataclass(frozen=True, slots=True)
class RequestWithdrawn:
    """A response that was requested is not wanted any more, whether it waits or is live."""

    at: float
    request: int


@dataclass(frozen=True, slots=True)
class Configured:
    """Other rules hold from now on."""

    at: float
    rules: Rules


@dataclass(frozen=True, slots=True)
class PlayoutStarted:
    """The first sample of a response was sent to the listener."""

    at: float
    generation: int


@dataclass(frozen=True, slots=True)
class PlayoutFinished:
    """The last sample of a response was sent to the listener."""

    at: float
    generation: int


@dataclass(frozen=True, slots=True)
class Concluding:
    """The last words of a response are being said; `text` is all of it, as it is spoken."""

    at: float
    generation: int
    text: str


@dataclass(frozen=True, slots=True)
class ResponseFailed:
    """A model raised while a response was being made, or made nothing that can be spoken."""

    at: float
    generation: int


Event = (
    Opened
    | Closed
    | SpeechStarted
    | SpeechPaused
    | SpeechStopped
    | PartialTranscript
    | FinalTranscript
    | TurnJudged
    | WordsJudged
    | TimerFired
    | Typed
    | StopRequested
    | TurnCommitted
    | TurnDiscarded
    | KeyPressed
    | Noted
    | SayRequested
    | ReplyRequested
    | RequestWithdrawn
    | Configured
    | PlayoutStarted
    | PlayoutFinished
    | Concluding
    | ResponseFailed
)
