"""What is wrong with a configuration: every mistake at once, each with its place, its key and the remedy."""

from collections.abc import Iterable
from dataclasses import dataclass

from voiceagent.config.origins import Origin
from voiceagent.errors import VoiceAgentError


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `key` is dotted, as in `llm.max_tokens`, and empty where the whole file is meant."""

    origin: Origin
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.origin), self.key, self.message) if part)


class ConfigError(VoiceAgentError):
    """The settings cannot be used. `problems` holds every mistake found, in the order of the files' lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.origin.source, problem.origin.line or 0)))
        lines = [str(problem) for problem in self.problems]
        if len(lines) > 1:
            lines = [f"{len(lines)} mistakes in the settings", *(f"  {line}" for line in lines)]
        super().__init__("\n".join(lines))
