"""What every language model offers: replies to a conversation, token by token, cancelled at no cost.

Tools are part of the conversation: the system message names them, the model's message calls them, tool messages answer.
An engine passes on what the model writes, thoughts and calls in its own notation included, and before it the mark of a
thought that the prompt has opened; `reply_text` takes out what is not to be heard, and the session cancels a reply that
is over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from voiceagent.engines.contract import Engine, Need, StreamFailed


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool, as it is described to the model."""

    name: str
    description: str
    parameters: str
    """JSON Schema of its arguments, an object, as JSON text: messages are compared and hashed."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model's request to run a tool."""

    id: str
    """What the result refers to; "" until the conversation assigns one."""
    name: str
    arguments: str
    """A JSON object, as JSON text."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tools: tuple[ToolSpec, ...] = ()
    """The tools that the model may call (system)."""
    calls: tuple[ToolCall, ...] = ()
    """The model's calls after `content` (assistant); each is answered by a tool message."""
    call_id: str = ""
    """The call whose result `content` is (tool)."""


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """How to generate one reply; None leaves it to the engine."""

    temperature: float | None = None
    """Randomness of the choice of tokens; 0 always takes the most likely."""
    max_tokens: int | None = None
    """The longest reply; one that reaches it is `Completed` with the reason "length"."""
    said: tuple[str, ...] = ()
    """Earlier replies, whose runs of words should not come again; an engine without means against it ignores them."""
    draw: int = 0
    """The number of the attempt: another one draws other words, where the engine draws."""
    judge_words: bool = False
    """Whether to say how likely the user's last words are to end here (`Ending`), where the engine can."""


ENGINES_OWN = ReplyOptions()
"""Leaves everything to the engine."""


@dataclass(frozen=True, slots=True)
class Token:
    """More text of the reply. One token may carry no text (half a character) or several characters."""

    generation: int
    text: str


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """The reply calls tools, if the engine gets calls separately from the text."""

    generation: int
    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """How likely the user's last message is to end where it does: the probability that the model, having read its last
    word, gives to the end of a sentence or of the message. It comes before the first token, and costs nothing."""

    generation: int
    probability: float


@dataclass(frozen=True, slots=True)
class Completed:
    """The reply is complete."""

    generation: int
    reason: Literal["stop", "length"]


LlmEvent = Token | ToolCalls | Ending | Completed | StreamFailed


class LlmStream(Protocol):
    """One session's conversation with the model. At most one reply at a time."""

    number: int
    """Its number in the engine's batches."""

    def prepare(self, messages: tuple[Message, ...]) -> None:
        """Prefill this conversation when there is time, because the next prompt will begin with it.

        A last message of the user is what they have said so far: it may still grow, and change.
        """

    def generate(
        self,
        generation: int,
        messages: tuple[Message, ...],
        deadline: float,
        *,
        need: Need = Need.AWAITED,
        options: ReplyOptions = ENGINES_OWN,
    ) -> None:
        """Reply to `messages` (the last is the user's or a tool's). Replaces a reply under way."""

    def reschedule(self, generation: int, deadline: float, *, need: Need = Need.AWAITED) -> None:
        """Move the deadline of the next tokens; HOLD pauses the decoding until the next call."""

    def cancel(self, generation: int) -> None:
        """Drop the reply; it sends no event after this call."""

    def close(self) -> None:
        """End the stream and free its sequences."""


class LlmEngine(Engine, Protocol):
    """A loaded language model."""

    def open(self, on_event: Callable[[LlmEvent], None]) -> LlmStream:
        """Start a conversation. Raises VoiceAgentError when no sequence is free."""

    def count_tokens(self, messages: tuple[Message, ...]) -> int:
        """Return the number of tokens the conversation takes, chat template included."""
