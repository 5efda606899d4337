"""The state of one conversation: frozen, complete, and free of any resource."""

from dataclasses import dataclass
from enum import Enum

from voiceagent.session.effects import Floor, ResponseKind
from voiceagent.session.patience import Expected
from voiceagent.session.rules import Rules


class User(Enum):
    """What the user is doing."""

    SILENT = "silent"
    SPEAKING = "speaking"
    PAUSED = "paused"
    """Silent for a moment, in a turn."""
    WAITING = "waiting"
    """Silent for long enough to have finished; not yet decided."""


@dataclass(frozen=True, slots=True)
class Response:
    """The live response."""

    generation: int
    kind: ResponseKind
    text: str
    request: int = 0
    released: bool = False
    audible: bool = False
    paused: bool = False
    asking: bool = False
    """The last words of its question are being said: whatever is said to them is the answer."""
    ending: float | None = None
    """How likely the words that it answers are to end where they do; None while it is not known."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that the agent is to say unasked, as soon as the floor is free."""

    kind: ResponseKind
    text: str
    """What to say (SAID), or how to go about it (PROMPTED)."""
    request: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """Everything a rule may look at."""

    rules: Rules
    open: bool = False
    closed: bool = False
    user: User = User.SILENT
    speaking: bool = False
    """The user makes a sound like speech, whether or not it has a meaning for the turn."""
    turn: int = 1
    fork: int = 0
    transcript: str | None = None
    """Final text of the current fork; None while it is not known."""
    unheard: bool = False
    """That text is empty because the recogniser failed."""
    doubtful: bool = False
    """That text was probably misheard."""
    unsure: bool = False
    """That text may have been understood in a sound that was none."""
    asked_back: bool = False
    """The user was asked to say the last turn again."""
    probability: float | None = None
    """The turn detector's verdict on the current fork; None while it is not known."""
    speech_s: float = 0.0
    """Voiced seconds of the turn so far."""
    started_at: float = 0.0
    """When the user last began to speak; time as in events."""
    stopped_at: float = 0.0
    """When SpeechStopped last came."""
    heard_at: float = 0.0
    """When a response last began to be heard."""
    pauses: int = 0
    """How often the user has paused in this turn and gone on."""
    reads: bool = False
    """The language model says how likely words are to end: it has done so."""
    expected: Expected = Expected.NOTHING
    """What the agent has asked for last."""
    shown: str = ""
    """The turn's text as it was shown last; it is answered, remembered, or set aside for people to see."""
    own: bool = False
    """What is heard may be the agent's own voice: it goes on until there are words that it did not say."""
    wordless: bool = False
    """The recogniser has listened to the sound under way, and understood nothing that is meant for the agent."""
    overlong: bool = False
    """The sound under way was ended as a turn by its length: it does not interrupt what answers it."""
    pause_s: float = 0.0
    """How long this user pauses in mid-turn, learned, also where the agent answered into it; 0 while unknown."""
    complete: bool = False
    """The turn is judged to be over; only its transcript is still awaited."""
    committed: bool = False
    """It was ended by hand, or by its length: nothing makes it go on."""
    keys: str = ""
    """The keys pressed, while more may follow."""
    generation: int = 0
    response: Response | None = None
    nudged: bool = False
    """The agent has asked once whether the user is still there."""
    wishes: tuple[Wish, ...] = ()
    """What waits to be said unasked, in order."""
    floor: Floor = Floor.NOBODY
