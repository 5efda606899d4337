"""The language of a conversation: whether recogniser and voice know it, and what the agent says by itself in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from voiceagent.app.specs import chosen
from voiceagent.config.settings import Settings
from voiceagent.engines.names import name_of
from voiceagent.errors import VoiceAgentError


@dataclass(frozen=True, slots=True)
class Phrases:
    """What the agent says that no model wrote, where the settings give no other words."""

    idle_prompt: str
    ask_back: str
    tool_filler: str
    failure_message: str
    pressed: str
    """What the model is told when the caller has pressed keys."""


PHRASES: Mapping[str, Phrases] = {
    "en": Phrases(
        "Are you still there?",
        "Sorry, I didn't catch that. Could you say it again?",
        "One moment, please.",
        "Sorry, something went wrong on my side. Could you say that again?",
        "(The caller pressed {keys}.)",
    ),
    "de": Phrases(
        "Sind Sie noch da?",
        "Entschuldigung, das habe ich nicht verstanden. Können Sie es noch einmal sagen?",
        "Einen Moment, bitte.",
        "Entschuldigung, bei mir ist etwas schiefgegangen. Können Sie das noch einmal sagen?",
        "(Am Telefon wurde {keys} gedrückt.)",
    ),
    "es": Phrases(
        "¿Sigue ahí?",
        "Perdone, no lo he entendido. ¿Puede repetirlo?",
        "Un momento, por favor.",
        "Perdone, algo ha fallado por mi parte. ¿Puede repetirlo?",
        "(La persona ha pulsado {keys}.)",
    ),
    "fr": Phrases(
        "Êtes-vous toujours là ?",
        "Pardon, je n'ai pas compris. Pouvez-vous répéter ?",
        "Un instant, s'il vous plaît.",
        "Pardon, quelque chose n'a pas marché de mon côté. Pouvez-vous répéter ?",
        "(La personne a appuyé sur {keys}.)",
    ),
}


def phrases(settings: Settings) -> Phrases:
    """Return what the agent says by itself: as the settings have it, else in their language, else in English."""
    own, usual = settings.session, PHRASES.get(settings.session.language, PHRASES["en"])

    def choose(mine: str | None, other: str) -> str:
        return other if mine is None else mine

    return Phrases(
        choose(own.idle_prompt, usual.idle_prompt),
        choose(own.ask_back, usual.ask_back),
        choose(own.tool_filler, usual.tool_filler),
        choose(own.failure_message, usual.failure_message),
        usual.pressed,
    )


def require_language(settings: Settings) -> None:
    """Raise VoiceAgentError, with those that it knows, if an engine does not know the language of the session."""
    language = settings.session.language
    for one in chosen(settings):
        known = one.spec.languages(one.settings)
        if known and language not in known:
            raise VoiceAgentError(
                f"session.language is {language}, and the {name_of(one.kind)} {one.spec.name} knows only "
                f"{', '.join(known)}: choose one of these, or another {one.kind}.engine."
            )
