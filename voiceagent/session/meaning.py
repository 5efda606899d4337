"""What an utterance over the agent's voice means, as far as its words tell. Pure.

A sign of attention, a cough, a laugh or an "um" is not meant for the agent. Recognisers understand some word in most of
them: a sound that is short, or long for its words, is meant only if the recogniser is sure of it, and it is a sentence,
or a word by which people interrupt. On the last words of the agent's question each of them is the answer, or the
beginning of one.
"""

from voiceagent.session.state import State
from voiceagent.text import calls_out, is_drawn_out, says_nothing, words

SURER = 1.4
"""How much surer than `Rules.min_confidence` the recogniser must be of a little sentence in a short sound: "Not only."
is understood of an "Excellent!" at 0.55 to 0.68, and what people say is mostly at 0.75 and more."""


def is_meant_so_far(text: str, speech_s: float, state: State) -> bool:
    """Return whether words interrupt while their sound goes on; `speech_s` is how long it has lasted, in seconds.

    An agent that has paused already loses nothing by hearing a short sound to its end.
    """
    paused = state.response is not None and state.response.paused
    least_s = state.rules.interrupt_after_s if paused else state.rules.min_speech_s
    return has_content(text, state) and speech_s >= least_s and not hums(text, speech_s, state)


def is_meant(state: State) -> bool:
    """Return whether what was said is meant to interrupt, now that it is over, or has paused."""
    text = state.transcript or ""
    if answers(text, state):
        return True
    if not has_content(text, state) or state.speech_s < state.rules.min_speech_s:
        return False
    if state.speech_s >= state.rules.interrupt_after_s and not hums(text, state.speech_s, state):
        return True
    return not state.doubtful and calls_out(text, state.rules.language, sure=not state.unsure)


def has_content(text: str, state: State) -> bool:
    """Return whether there are words that are meant for the agent, however short the sound."""
    return bool(words(text)) and (answers(text, state) or not says_nothing(text, state.rules.language))


def hums(text: str, speech_s: float, state: State) -> bool:
    """Return whether a sound is too long for its words, and no answer."""
    return is_drawn_out(text, speech_s, state.rules.language) and not answers(text, state)


def answers(text: str, state: State) -> bool:
    """Return whether words are said on the last words of the agent's question, however short they are."""
    return state.response is not None and state.response.asking and bool(words(text))
