"""What the streams of an engine share, and what a step draws for them."""

from collections.abc import Callable
from dataclasses import dataclass

from voiceagent.engines.llm.llama.model import LlamaModel
from voiceagent.engines.llm.llama.plan import Sequence
from voiceagent.engines.llm.llama.sampler import Dry, Sampling
from voiceagent.engines.llm.llama.template import ChatTemplate


@dataclass(frozen=True, slots=True)
class Common:
    """What all streams of an engine share."""

    model: LlamaModel
    template: ChatTemplate
    sampling: Sampling
    dry: Dry | None
    session_tokens: int
    max_tokens: int
    thinking_tokens: int
    system: Sequence
    """Holds the system prompt that was read last, of any stream."""
    wake: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A token of a reply, or of a thought."""

    token: int
    piece: bytes
    end: bool
    """Whether it ends the reply, or the thought."""
