"""The machine's effects. The coordinator carries them out, in order, and decides nothing."""

from dataclasses import dataclass
from enum import Enum

from voiceagent.session.events import Outcome, Timer


class ResponseKind(Enum):
    """Why the agent speaks."""

    REPLY = "reply"
    GREETING = "greeting"
    IDLE = "idle"
    ASK_BACK = "ask_back"
    """What the user said was probably misheard."""
    APOLOGY = "apology"
    SAID = "said"
    """It was given the words."""
    PROMPTED = "prompted"
    """It was asked to say something."""


class Floor(Enum):
    """Who has the floor, as shown to people."""

    USER = "user"
    AGENT = "agent"
    THINKING = "thinking"
    NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Finalise:
    """Transcribe the turn so far on a fork."""

    fork: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Ask the turn detector about a fork."""

    fork: int


@dataclass(frozen=True, slots=True)
class CommitAudio:
    """What was heard up to the last fork is dealt with; the recogniser may forget it."""


@dataclass(frozen=True, slots=True)
class Respond:
    """Prepare a response. It is not heard before Release."""

    generation: int
    kind: ResponseKind
    text: str
    """What the user said (REPLY), what to say (SAID), how to go about it (PROMPTED), or "" where a script has it."""
    request: int = 0
    """The number of the request that it grants (PROMPTED)."""


@dataclass(frozen=True, slots=True)
class Release:
    """Let the listener hear the response, from now on or as soon as there is audio."""

    generation: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Fall silent at once, ready to go on."""

    generation: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on where Pause stopped."""

    generation: int


@dataclass(frozen=True, slots=True)
class End:
    """The response is over. What was not heard of it is dropped; what was heard is remembered."""

    generation: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Fire TimerFired after a while, unless set again or cancelled."""

    timer: Timer
    delay_s: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Do not fire."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class ShowFloor:
    """Report who has the floor."""

    holder: Floor


@dataclass(frozen=True, slots=True)
class ShowUser:
    """Report the transcript of this turn."""

    turn: int
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class EndTurn:
    """The user's turn is over, and nobody answers it by themselves: remember it."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class ShowNothing:
    """Report that what was heard has no words in it, or (`failed`) that the recogniser failed at them."""

    turn: int
    failed: bool


@dataclass(frozen=True, slots=True)
class SetAside:
    """Report that what was shown of this turn is neither answered nor remembered."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class EnterKeys:
    """What was pressed is complete."""

    keys: str


Effect = (
    Finalise
    | Judge
    | CommitAudio
    | Respond
    | Release
    | Pause
    | Resume
    | End
    | SetTimer
    | CancelTimer
    | ShowFloor
    | ShowUser
    | EndTurn
    | ShowNothing
    | SetAside
    | EnterKeys
)
