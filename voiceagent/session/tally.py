"""What the language model read and wrote for one response."""

from collections.abc import Callable

from voiceagent.engines.llm.contract import Message
from voiceagent.session.reports import Usage


class Tally:
    """Takes note of prompts, if they are to be counted, and of tokens."""

    def __init__(self, *, counted: bool) -> None:
        self._counted = counted
        self._prompts: list[tuple[Message, ...]] = []
        self._written = 0

    def read(self, prompt: tuple[Message, ...]) -> None:
        """The model is given a prompt."""
        if self._counted:
            self._prompts.append(prompt)

    def wrote(self) -> None:
        """The model has written a token."""
        self._written += 1

    def usage(self, count_tokens: Callable[[tuple[Message, ...]], int]) -> Usage | None:
        """Return both, in tokens; None if it was not to be counted. Takes milliseconds."""
        return Usage(sum(map(count_tokens, self._prompts)), self._written) if self._counted else None
