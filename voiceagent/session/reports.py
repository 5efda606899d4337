"""What a session reports to the people who watch it, as data: a door turns it into its client's messages.

`generation` numbers responses, `segment` the pieces of a response, `turn` what the user says. Reports come on the event
loop, in the order in which things happened. Knows no transport and no wire format.
"""

from dataclasses import dataclass

from voiceagent.audio.speech import SegmentHeard, WordHeard
from voiceagent.engines.names import name_of
from voiceagent.session.effects import Floor, ResponseKind
from voiceagent.session.events import Outcome
from voiceagent.session.items import response_item, turn_item
from voiceagent.trace.turn import TurnTrace

__all__ = [
    "AgentPaused",
    "AgentResumed",
    "AsideEnded",
    "EngineFailed",
    "FloorChanged",
    "NothingHeard",
    "Report",
    "ResponseEnded",
    "ResponseStarted",
    "SegmentAnnounced",
    "SegmentHeard",
    "SessionClosed",
    "SessionOpened",
    "TextCompleted",
    "TextWritten",
    "ToolUsed",
    "TurnTraced",
    "Usage",
    "UserStarted",
    "UserStopped",
    "UserText",
    "UserTextWithdrawn",
    "UserTurnEnded",
    "WordHeard",
    "engine_failed",
]


@dataclass(frozen=True, slots=True)
class Usage:
    """What the language model read and wrote for one response, in tokens; all replies of it together."""

    read: int
    written: int


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """The door is open both ways; comes before everything else."""


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """The door is shut; only reports of tools and traces come after it."""


@dataclass(frozen=True, slots=True)
class FloorChanged:
    """The floor has changed hands."""

    holder: Floor


@dataclass(frozen=True, slots=True)
class UserText:
    """The transcript of this turn so far.

    A turn may become final several times, as the user goes on after a pause.
    """

    turn: int
    text: str
    final: bool


@dataclass(frozen=True, slots=True)
class UserTextWithdrawn:
    """What `UserText` has shown of this turn is set aside: a sign of attention, or given up for what was typed. It is
    neither answered nor remembered, and the turn's number comes again."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class UserStarted:
    """The user began to make a sound like speech; it may turn out to be a cough."""


@dataclass(frozen=True, slots=True)
class UserStopped:
    """The user has been silent for a moment; the turn may be over, or go on."""


@dataclass(frozen=True, slots=True)
class UserTurnEnded:
    """The user's turn is over, and this is all of it; comes just before the `ResponseStarted` that answers it, if one
    does."""

    turn: int
    text: str

    @property
    def item(self) -> str:
        """Its name among `Session.items`; a turn that was asked back is not among them."""
        return turn_item(self.turn)


@dataclass(frozen=True, slots=True)
class NothingHeard:
    """What the user has begun is no turn: no words were understood in it, or no more than an "mm-hm"."""

    turn: int
    failed: bool
    """The recogniser failed: what was said is unknown."""


@dataclass(frozen=True, slots=True)
class ResponseStarted:
    """The agent begins a response that will be heard; its first segment follows when it is there."""

    generation: int
    kind: ResponseKind
    request: int = 0
    """What `Session.respond` returned, if it was asked for there."""

    @property
    def item(self) -> str:
        """Its name among `Session.items`, once something of it was heard."""
        return response_item(self.generation)


@dataclass(frozen=True, slots=True)
class SegmentAnnounced:
    """Words that are about to be spoken. `WordHeard` counts them from 0."""

    generation: int
    segment: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TextCompleted:
    """All that the response will say has been announced; much of it may still be to be heard."""

    generation: int


@dataclass(frozen=True, slots=True)
class TextWritten:
    """More of a response that is not spoken, as the model wrote it."""

    generation: int
    text: str


@dataclass(frozen=True, slots=True)
class AsideEnded:
    """What the model wrote apart from the conversation (`Session.respond` with `remember=False`)."""

    request: int
    outcome: Outcome
    """COMPLETED, FAILED, or INTERRUPTED where it was withdrawn."""
    text: str
    cut: bool
    """It reached the length of a reply."""
    usage: Usage


@dataclass(frozen=True, slots=True)
class AgentPaused:
    """The agent fell silent because the user made a sound."""

    generation: int


@dataclass(frozen=True, slots=True)
class AgentResumed:
    """It was only a sound: the agent goes on where it paused."""

    generation: int


@dataclass(frozen=True, slots=True)
class ResponseEnded:
    """A response is over, with the number of its words that were heard."""

    generation: int
    outcome: Outcome
    heard_words: int
    heard_text: str
    """What was heard of it, as the model wrote it."""
    cut: bool = False
    """The model's last reply reached its length."""
    usage: Usage | None = None
    """Where `ConversationConfig.count_usage` asks for it."""

    @property
    def item(self) -> str:
        """Its name among `Session.items`, if something of it was heard."""
        return response_item(self.generation)


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """The agent uses a tool (`running`), or has its result or an error. The result of a call that outlives its response
    is not reported."""

    generation: int
    name: str
    call_id: str
    arguments: str
    """A JSON object, as JSON text."""
    running: bool
    result: str | None = None
    """What the model is given."""
    error: str | None = None
    """The error text that the model gets in place of a result."""
    seconds: float | None = None
    """How long it took."""


@dataclass(frozen=True, slots=True)
class TurnTraced:
    """The record of a turn that is over; comes right after its `ResponseEnded`."""

    trace: TurnTrace


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """A model failed, or does not answer at all (`stuck`); the session lives."""

    engine: str
    """The lane: asr, llm, tts, vad or turn; session, where it was none of them."""
    stuck: bool
    message: str
    """Words for people."""


Report = (
    SessionOpened
    | SessionClosed
    | FloorChanged
    | UserStarted
    | UserStopped
    | UserText
    | UserTextWithdrawn
    | UserTurnEnded
    | NothingHeard
    | ResponseStarted
    | SegmentAnnounced
    | TextCompleted
    | TextWritten
    | WordHeard
    | SegmentHeard
    | AgentPaused
    | AgentResumed
    | ResponseEnded
    | AsideEnded
    | ToolUsed
    | TurnTraced
    | EngineFailed
)


def engine_failed(engine: str, *, stuck: bool) -> EngineFailed:
    """Return the report of a failure, with words for people."""
    name = name_of(engine)
    if stuck:
        words = f"The {name} does not answer; the conversation goes on as soon as it does."
    else:
        words = f"The {name} failed; the conversation goes on."
    return EngineFailed(engine, stuck, words)
