"""How one session behaves: everything about it that is configured."""

from collections.abc import Callable
from dataclasses import dataclass

from voiceagent.session.effects import Kind
from voiceagent.session.endpointing import Thresholds
from voiceagent.session.state import Rules
from voiceagent.text import Segmenter


@dataclass(frozen=True, slots=True)
class ConversationConfig:
    """The configuration of a session."""

    rules: Rules
    thresholds: Thresholds
    scripts: dict[Kind, str]
    """What the agent says of its own accord."""
    system_prompt: str
    budget_tokens: int
    max_turns: int
    sentence_pause_s: float
    segmenter: Callable[[], Segmenter]
    tool_filler: str
    """What the agent says when tools keep the user waiting for `tool_filler_after_s`; "" for nothing."""
    tool_filler_after_s: float
