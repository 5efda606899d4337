"""How one session behaves: everything about it that is configured."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from voiceagent.engines.llm.contract import ReplyOptions
from voiceagent.session.effects import ResponseKind
from voiceagent.session.endpointing import Thresholds
from voiceagent.session.rules import Rules
from voiceagent.text import Segmenter
from voiceagent.tools.contract import Tool


@dataclass(frozen=True, slots=True)
class ConversationConfig:
    """The configuration of a session. Usually made from another: `replace(agent.config, system_prompt="...")`."""

    system_prompt: str
    rules: Rules
    """When a turn is over, what interrupts the agent, and how long it may be silent."""
    thresholds: Thresholds
    """When the user speaks."""
    language: str
    """What is spoken (ISO 639-1); recogniser and voice must know it."""
    greeting: str
    """What the agent says first; "" for nothing."""
    idle_prompt: str
    """What the agent says after `rules.idle_s` without speech; "" for nothing."""
    ask_back: str
    """What the agent says when it has probably misheard; "" for answering all the same."""
    failure_message: str
    """What the agent says when a model has failed."""
    context_tokens: int
    """What the prompt, the conversation and a reply may take together."""
    max_tokens: int
    """The longest reply."""
    max_turns: int
    """How many past turns the language model is shown."""
    sentence_pause_s: float
    segmenter: Callable[[str], Segmenter]
    """Makes what cuts a reply in a language into what is spoken at once."""
    tool_filler: str
    """What the agent says when tools keep the user waiting for `tool_filler_after_s`; "" for nothing."""
    tool_filler_after_s: float
    summarise: bool = False
    """Whether turns that are dropped are kept as a summary, which the model writes while nobody speaks."""
    tools: tuple[str | Tool, ...] | None = None
    """What the model may call: the agent's tools by name, and tools of this session's own. None: all of the agent's."""
    stop: tuple[str, ...] = ()
    """Texts that end a reply of the language model; they are not spoken."""
    voice: str | None = None
    """One of the voices that the engine has; None for its own."""
    avoid_repeats: bool = True
    """Whether a reply that begins as an earlier one is made again (`repetition.py`)."""
    temperature: float | None = None
    """Randomness of the language model's choice of tokens, 0 to 2; None for the engine's own."""
    speak: bool = True
    """Whether the agent speaks; otherwise its words are reported as they are written (`TextWritten`)."""
    pressed: str = "(The caller pressed {keys}.)"
    """What the model is told when keys of a telephone were pressed; with `{keys}`."""
    background_db: float = 0.0
    """By how much a sound is quieter than the user, in dB, that is not for the agent (`nearby.py`); 0: none is."""
    count_usage: bool = False
    """Whether `ResponseEnded` says how many tokens were read and written: counting takes milliseconds."""

    @property
    def budget_tokens(self) -> int:
        """The tokens that the prompt and the conversation may take, leaving room for a reply."""
        return self.context_tokens - self.max_tokens

    @property
    def reply_options(self) -> ReplyOptions:
        """The options of the language model's replies."""
        return ReplyOptions(self.temperature, self.max_tokens)

    @property
    def rules_in_effect(self) -> Rules:
        """The rules, without those that would speak a text that is empty."""
        idle_s = self.rules.idle_s if self.idle_prompt else 0.0
        min_confidence = self.rules.min_confidence if self.ask_back else 0.0
        greet = self.rules.greet and bool(self.greeting)
        return replace(self.rules, language=self.language, greet=greet, idle_s=idle_s, min_confidence=min_confidence)

    def script(self, kind: ResponseKind) -> str:
        """Return what the agent says unprompted."""
        return {
            ResponseKind.GREETING: self.greeting,
            ResponseKind.IDLE: self.idle_prompt,
            ResponseKind.ASK_BACK: self.ask_back,
            ResponseKind.APOLOGY: self.failure_message,
        }[kind]
