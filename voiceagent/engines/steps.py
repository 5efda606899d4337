"""The steps that a conversation asks of an engine, as its spec says them: what admission's forecast plays. Plain data.

Steps and seconds of sound only. How long a step takes is not said here: the cost model knows that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from voiceagent.engines.contract import CostKey, Need

BATCH = 64
"""The most callers that a step of a batched model serves."""


@dataclass(frozen=True, slots=True)
class Work:
    """Some steps of one kind, one after the other."""

    key: CostKey
    """Their kind, and the size that one caller's part has; the parts of a shared step add up."""
    times: int = 1
    share: int = 1
    """How many callers one step can serve."""


Works = tuple[Work, ...]
"""Steps in their order. None at all: it costs this machine nothing."""


def steps(kind: str, size: int = 1, times: int = 1, share: int = 1) -> Works:
    """Return steps of one kind."""
    return (Work((kind, size), times, share),)


@dataclass(frozen=True, slots=True)
class Listening:
    """Steps that come again and again while a caller is heard."""

    works: Works
    every_s: float
    always: bool
    """Whether also while the caller is silent."""
    need: Need = Need.PROMISED
    """By when it is to be done: before the next is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """The lengths of a typical conversation, with an agent that answers in a few short sentences."""

    transcribed_s: int = 3
    """Length of what a recogniser transcribes at the end of a turn."""
    speech_tokens_per_s: int = 5
    """Tokens of a second of speech, for a recogniser's decoder."""
    drafted_steps: int = 3
    """Decoder steps of a transcript most of which the last partial one foresaw."""
    prompt_tokens: int = 32
    """The user's sentence and the chat template's marks around it."""
    reread_tokens: int = 0
    """What is left of a conversation that has become too long, and is read again."""
    segment_words: int = 11
    """A sentence."""
    segment_tokens: int = 14
    """Its tokens: 1.3 a word in English."""
    first_segment_tokens: int = 14
    segment_s: float = 3.5
    """How long it sounds: 15 characters a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsrSteps:
    """What a recogniser is asked for."""

    listening: tuple[Listening, ...] = ()
    transcript: Works = ()
    """The final text, from the first sign of silence on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmSteps:
    """What a language model is asked for."""

    prompt: Works = ()
    """Reading what the user said; what was said before is held."""
    rereading: Works = ()
    """Reading what is left of a conversation that was too long."""
    first_text: Works = ()
    """Writing the first segment of an answer."""
    text: Works = ()
    """Writing one of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TtsSteps:
    """What a voice is asked for."""

    begin: Works = ()
    """What comes before a segment's first sound."""
    first_sound: Works = ()
    """The first piece of sound of an answer, `first_sound_s` long."""
    first_sound_s: float
    sound: Works = ()
    """Any other piece, `sound_s` long."""
    sound_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VadSteps:
    """What a voice activity detector is asked for."""

    listening: tuple[Listening, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSteps:
    """What a turn detector is asked for."""

    judgement: Works = ()


Steps = AsrSteps | LlmSteps | TtsSteps | VadSteps | TurnSteps


def in_order(*stages: Works) -> Iterator[Work]:
    """Return the steps of some stages, one after the other."""
    return chain(*stages)
