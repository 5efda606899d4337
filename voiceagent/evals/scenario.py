"""A conversation as data: what the user does, turn by turn, and what is expected of the agent.

Strict models, like the settings': an unknown key or a wrong type is refused. Knows no files and runs nothing.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from voiceagent.config.section import Section
from voiceagent.config.values import FilePath, Name, Probability, function, one_or_more

Ms = Annotated[int, Field(ge=0, le=600_000)]
Outcome = Literal["completed", "interrupted", "failed", "cancelled"]
Happening = Literal[
    "user_starts",
    "user_stops",
    "agent_starts",
    "agent_stops",
    "agent_pauses",
    "agent_resumes",
    "agent_interrupted",
]
ANY_TOOL = "*"


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error
    return text


def _list(value: object) -> object:
    """Take a single value for a list of one."""
    return value if isinstance(value, list | tuple) or value is None else (value,)


Texts = Annotated[tuple[Name, ...], BeforeValidator(one_or_more), Field(strict=False)]


class Words(Section):
    """What a text must be. Case, punctuation and the spelling of numbers count only for `matches`."""

    contains: Texts = ()
    """Phrases, all of which occur."""
    matches: Annotated[
        tuple[Annotated[str, AfterValidator(_pattern)], ...], BeforeValidator(one_or_more), Field(strict=False)
    ] = ()
    """Regular expressions, all of which are found."""
    absent: Texts = ()
    """Phrases, none of which occurs."""
    similar: Name | None = None
    """A text that it resembles ..."""
    errors: Probability = 0.25
    """... with this share of wrong words at most."""


def _words(value: object) -> object:
    """Take a text, or several, for what must be contained."""
    return {"contains": value} if isinstance(value, str | list | tuple) else value


WordsOrText = Annotated[Words, BeforeValidator(_words)]


class Expected(Section):
    """One thing that is expected to happen in a turn: exactly one of `says`, `hears`, `calls`, `happens`, `absent`."""

    says: WordsOrText | None = None
    """What the user hears of a response."""
    hears: WordsOrText | None = None
    """What the agent understands of the user."""
    calls: Name | None = None
    """The tool that is called; * for any."""
    happens: Happening | None = None
    """Something without words."""
    absent: Literal["says", "hears", "calls"] | Happening | None = None
    """What does not happen from here on, for `within_ms` after the turn is over."""
    arguments: dict[str, Any] | None = None
    """With `calls`: arguments that it has, among others."""
    outcome: Outcome | None = None
    """With `says`: how the response ends."""
    within_ms: Ms | None = None
    """How soon it comes: from the end of the user's speech to the first sound, call or transcript."""
    since: Literal["speech_end", "speech_start"] = "speech_end"
    """What `within_ms` counts from."""
    anywhere: bool = False
    """Whether it may come before what is expected above it, in the same turn."""
    judged: Name | None = None
    """With `says` and `calls`: a criterion in words, for a judge model."""
    scripted: WordsOrText | None = None
    """With `says` and `hears`: what the text is besides, where engines are scripted."""

    @property
    def kind(self) -> str:
        """Which of the five it is."""
        return next(name for name in KINDS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(KINDS)}, but has {' and '.join(given) or 'none'}")
        for name, kinds in _BELONGS.items():
            if getattr(self, name) is not None and given[0] not in kinds:
                raise ValueError(f"{name} goes with {' or '.join(kinds)}, not with {given[0]}: remove it")
        return self


KINDS = ("says", "hears", "calls", "happens", "absent")
_BELONGS = {
    "arguments": ("calls",),
    "outcome": ("says",),
    "judged": ("says", "calls"),
    "scripted": ("says", "hears"),
}


class Pause(Section):
    """A silence inside what the user says."""

    pause_ms: Ms


class CutIn(Section):
    """The user begins while the agent speaks."""

    words: int | None = Field(default=None, ge=1)
    """After this many words of the response were heard ..."""
    after_ms: Ms | None = None
    """... or this long after its first sound."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.words is None) == (self.after_ms is None):
            raise ValueError("needs words or after_ms, and not both")
        return self


def _cut_in(value: object) -> object:
    """Take a number for words."""
    return {"words": value} if isinstance(value, int) else value


ACTS = ("user", "recording", "sound", "types", "keys", "language")


class Turn(Section):
    """What the user does, and what is expected then. Without an act, the user listens."""

    user: Annotated[tuple[str | Pause, ...], BeforeValidator(_list), Field(strict=False)] = ()
    """What is said; with pauses, a list of texts and `pause_ms`."""
    audio: FilePath | None = None
    """A recording of what `user` says; a relative path counts from the scenario's folder."""
    recording: Name | None = None
    """Recorded human speech by its name (docs/evaluate.md), in place of `user`."""
    sound: Literal["cough", "hum"] | None = None
    """A sound without words."""
    sound_ms: Ms = 150
    """How long the sound is."""
    types: Name | None = None
    """What is written."""
    keys: Annotated[str, Field(pattern=r"^[0-9*#A-Da-d]+$")] | None = None
    """Keys of a telephone that are pressed."""
    language: Annotated[str, Field(pattern="^[a-z]{2,3}$")] | None = None
    """The language that is spoken from here on, as the client tells the agent."""
    cut_in: Annotated[CutIn, BeforeValidator(_cut_in)] | None = None
    """The user does not wait for the agent to finish."""
    after_ms: Ms | None = None
    """How long after the turn before the user begins; without it, when the agent has finished."""
    listen_ms: Ms = 0
    """How long the user listens when all is said."""
    expect: Annotated[tuple[Expected, ...], BeforeValidator(_list), Field(strict=False)] = ()
    """What happens, in this order."""
    never: Texts = ()
    """Phrases that the agent does not say in this turn."""
    answered: bool | None = None
    """Whether the agent begins a response."""
    yields_within_ms: Ms | None = None
    """How soon the agent is silent after the user has begun."""
    may_cut_in: bool = False
    """Whether the agent may begin to speak before the user has finished."""

    @model_validator(mode="after")
    def _acts(self) -> Self:
        given = [name for name in ACTS if getattr(self, name)]
        spoken = [name for name in given if name in ("user", "recording", "sound", "types", "keys")]
        if len(spoken) > 1:
            raise ValueError(f"has {' and '.join(spoken)}: give each a turn of its own")
        if self.audio is not None and not self.text:
            raise ValueError("audio needs user, with what the recording says")
        if not spoken and (self.cut_in is not None or self.after_ms is not None or self.yields_within_ms is not None):
            raise ValueError("cut_in, after_ms and yields_within_ms need something that the user does, such as user")
        if self.cut_in is not None and self.after_ms is not None:
            raise ValueError("has cut_in and after_ms: keep one")
        return self

    @property
    def text(self) -> str:
        """The words, without the pauses."""
        return " ".join(part for part in self.user if isinstance(part, str))

    @property
    def acts(self) -> bool:
        """Whether the user does something that can be heard or read."""
        return bool(self.user or self.recording or self.sound or self.types or self.keys)


class ToolCall(Section):
    """A call that a scripted model makes."""

    name: Name
    arguments: dict[str, Any] = Field(default={})


class Reply(Section):
    """What a scripted model says; the first that fits is taken."""

    hears: Name | None = None
    """A phrase in the user's words to which this is the reply; without it, to anything."""
    after: Name | None = None
    """The tool whose result this is the reply to."""
    says: str = ""
    """The words; `{result}` is the tool's result."""
    calls: ToolCall | None = None


class Script(Section):
    """What scripted engines do; real ones pay no attention to it."""

    replies: tuple[Reply, ...] = Field(default=(), strict=False)
    turn: tuple[Probability, ...] = Field(default=(), strict=False)
    """How sure the turn detector is that a turn is over, question by question, from the start again at its end."""


class ScriptedTool(Section):
    """A tool that stands in for one of the agent's."""

    name: Annotated[str, Field(pattern=r"^\w+$")]
    about: Name
    """What the model is told of it."""
    parameters: dict[str, Literal["string", "number", "integer", "boolean"]] = Field(default={})
    result: str = "Done."
    takes_ms: Ms = 0
    fails: Name | None = None
    """The error in place of a result."""


class Remembered(Section):
    """One message of the conversation."""

    user: WordsOrText | None = None
    agent: WordsOrText | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.user is None) == (self.agent is None):
            raise ValueError("needs user or agent, and not both")
        return self


class Earlier(Section):
    """A message from before the conversation."""

    role: Literal["user", "assistant", "system"]
    content: Name


class End(Section):
    """The state in which the conversation ends."""

    user_turns: int | None = Field(default=None, ge=0)
    """How many turns of the user were understood."""
    responses: int | None = Field(default=None, ge=0)
    """How many responses were begun."""
    outcomes: tuple[Outcome, ...] | None = Field(default=None, strict=False)
    """How they ended, in order."""
    calls: int | None = Field(default=None, ge=0)
    """How many tools were called."""
    remembers: Texts = ()
    """Phrases that are in the conversation that the model is shown."""
    history: tuple[Remembered, ...] | None = Field(default=None, strict=False)
    """All of that conversation, message by message."""


class Scenario(Section):
    """One conversation."""

    name: Name
    about: str = ""
    """What it is for."""
    only: Literal["scripted", "real"] | None = None
    """Whether it is for scripted engines only, or for real ones only."""
    config: Name | None = None
    """The configuration of the agent, where the command names none."""
    set: dict[str, Any] = Field(default={})
    """Settings over it, by dotted name: session.idle_s: 5."""
    functions: Annotated[tuple[Annotated[str, AfterValidator(function)], ...], Field(strict=False)] = ()
    """Python functions that the agent may call, as module:function."""
    tools: tuple[ScriptedTool, ...] = Field(default=(), strict=False)
    """Tools with a given result."""
    script: Script = Script()
    before: tuple[Earlier, ...] = Field(default=(), strict=False)
    """What was said before, as the agent remembers it."""
    begins: Literal["agent", "user"] | None = None
    """Who speaks first; without it, the configuration decides."""
    turns: tuple[Turn, ...] = Field(strict=False, min_length=1)
    never: Texts = ()
    """Phrases that the agent does not say at all."""
    end: End = End()
    judged: Texts = ()
    """Criteria in words about the whole conversation, for a judge model."""
