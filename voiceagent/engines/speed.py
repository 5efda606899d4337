"""How fast a language model is: what is estimated before it is fetched."""

from dataclasses import dataclass

from voiceagent.engines.steps import Talk


@dataclass(frozen=True, slots=True)
class Speed:
    """An estimate, for one caller and nothing else on the machine."""

    prompt_tokens_per_s: float
    reply_tokens_per_s: float

    def first_words_s(self, talk: Talk) -> float:
        """Return the seconds from a turn's text to the first piece of the reply that can be spoken."""
        return talk.prompt_tokens / self.prompt_tokens_per_s + talk.first_segment_tokens / self.reply_tokens_per_s
