"""Whether the models and tools support a configuration."""

from voiceagent.engines.llm.contract import Message
from voiceagent.engines.tts.voices import voice_among
from voiceagent.errors import VoiceAgentError
from voiceagent.session.config import ConversationConfig
from voiceagent.session.engines import Engines
from voiceagent.session.history import system_message
from voiceagent.tools.toolbox import Chosen, Toolbox

MAX_TEMPERATURE = 2.0


def require_possible(
    config: ConversationConfig, engines: Engines, toolbox: Toolbox, facts: tuple[str, ...] = ()
) -> Chosen:
    """Return the tools it asks for. Raises VoiceAgentError, listing what is available, for what is not.

    `facts` are those that are pinned: they need room as the prompt does.
    """
    for what, languages in (("recogniser", engines.asr.languages), ("voice", engines.tts.languages)):
        if languages and config.language not in languages:
            known = ", ".join(languages)
            raise VoiceAgentError(f"The {what} does not know the language {config.language!r}. Choose one of {known}.")
    if config.voice is not None:
        voice_among(engines.tts.voices, config.voice)
    if config.temperature is not None and not 0 <= config.temperature <= MAX_TEMPERATURE:
        raise VoiceAgentError(f"A temperature is a number from 0 to {MAX_TEMPERATURE:g}, not {config.temperature}.")
    if not 1 <= config.max_tokens < config.context_tokens:
        raise VoiceAgentError(
            f"A reply of {config.max_tokens} tokens is not possible: max_tokens is a number from 1 to "
            f"{config.context_tokens - 1} (llm.session_tokens is {config.context_tokens})."
        )
    if config.rules.judge and engines.turn is None:
        raise VoiceAgentError(
            "There is no turn detector: let silence end a turn (rules.judge=False), or load one (turn.engine)."
        )
    chosen = toolbox.choose(config.tools)
    system = system_message(config.system_prompt, chosen.specs, facts)
    needed = engines.llm.count_tokens((system, Message("user", "")))
    if needed >= config.budget_tokens:
        raise VoiceAgentError(
            f"The system prompt{', the pinned facts' if facts else ''} and the tools take {needed} tokens, and the "
            f"context leaves room for {config.budget_tokens} plus a reply: shorten them, "
            f"{'pin fewer facts, ' if facts else ''}choose fewer tools, or raise llm.session_tokens."
        )
    return chosen
