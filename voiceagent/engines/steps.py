"""The steps that a conversation asks of an engine, as its spec states them, for admission's forecast. Plain data.

Steps and seconds of sound only. How long a step takes is in the cost model.
"""

from dataclasses import dataclass

from voiceagent.engines.contract import CostKey, Need

BATCH = 64
"""The most callers that a step of a batched model serves."""


@dataclass(frozen=True, slots=True)
class Work:
    """Some steps of one kind, one after the other."""

    key: CostKey
    """Their kind, and the size of one caller's part; the parts of a shared step add up."""
    times: int = 1
    share: int = 1
    """How many callers one step can serve."""


Works = tuple[Work, ...]
"""Steps in order. Empty: it costs this machine nothing."""


def steps(kind: str, size: int = 1, times: int = 1, share: int = 1) -> Works:
    """Return steps of one kind."""
    return (Work((kind, size), times, share),)


@dataclass(frozen=True, slots=True)
class Listening:
    """Steps that recur while a caller is heard."""

    works: Works
    every_s: float
    always: bool
    """Whether they also recur while the caller is silent."""
    need: Need = Need.PROMISED
    """How a delay is heard; each is due before the next begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """The lengths of a typical conversation, with an agent that answers in a few short sentences."""

    transcribed_s: int = 3
    """Seconds of audio that a recogniser transcribes at the end of a turn."""
    speech_tokens_per_s: int = 5
    """Tokens per second of speech, for a recogniser's decoder."""
    drafted_steps: int = 3
    """Decoder steps of a transcript that the last partial one has mostly predicted."""
    prompt_tokens: int = 32
    """The user's sentence and the chat template's marks around it."""
    reread_tokens: int = 0
    """What is left of a conversation that has become too long and is read again."""
    segment_words: int = 11
    """Words in a sentence."""
    segment_tokens: int = 14
    """Its tokens: 1.3 per word in English."""
    first_segment_tokens: int = 14
    segment_s: float = 3.5
    """Its duration: 15 characters per second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsrSteps:
    """The steps of a recogniser."""

    listening: tuple[Listening, ...] = ()
    transcript: Works = ()
    """The final text, from the first sign of silence on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmSteps:
    """The steps of a language model."""

    prompt: Works = ()
    """Reading what the user said; earlier turns are cached."""
    rereading: Works = ()
    """Reading what is left of a conversation that was too long."""
    first_text: Works = ()
    """Writing the first segment of an answer."""
    text: Works = ()
    """Writing any later segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TtsSteps:
    """The steps of a voice."""

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
    """The steps of a voice activity detector."""

    listening: tuple[Listening, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSteps:
    """The steps of a turn detector."""

    judgement: Works = ()


Steps = AsrSteps | LlmSteps | TtsSteps | VadSteps | TurnSteps


def no_steps(kind: str, talk: Talk) -> Steps:
    """Return the steps of an engine of a kind that computes nothing here: a segment's sound is there at once."""
    none: dict[str, Steps] = {
        "asr": AsrSteps(),
        "llm": LlmSteps(),
        "tts": TtsSteps(first_sound_s=talk.segment_s, sound_s=talk.segment_s),
        "vad": VadSteps(),
        "turn": TurnSteps(),
    }
    return none[kind]
