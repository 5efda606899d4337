"""A language model that says how likely words are to end, and nothing else."""

from functools import cache
from typing import Any

from voiceagent.app.engines import build_engine
from voiceagent.app.specs import gpus_for
from voiceagent.config.settings import Settings
from voiceagent.engines.drive import drive
from voiceagent.engines.llm.contract import Ending, LlmEvent, Message, ReplyOptions


class WordJudge:
    """The model that the settings name, with their system prompt; loaded when it is first asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._model: Any = None
        self.ending = cache(self._ending)

    def _ending(self, text: str, asked: str = "") -> float | None:
        """Return how likely the user's words are to end here, after the agent said `asked` (empty: its greeting).

        None for a model that does not say.
        """
        if self._model is None:
            self._model = build_engine("llm", self._settings, gpus_for(self._settings))
            self._model.load()
        endings: list[float] = []

        def collect(event: LlmEvent) -> None:
            if isinstance(event, Ending):
                endings.append(event.probability)

        system, greeting = self._settings.llm.system_prompt, self._settings.session.greeting
        messages = (Message("system", system), Message("assistant", asked or greeting), Message("user", text))
        stream = self._model.open(collect)
        stream.generate(1, messages, 0.0, options=ReplyOptions(max_tokens=1, judge_words=True))
        drive(self._model)
        stream.close()
        return endings[0] if endings else None
