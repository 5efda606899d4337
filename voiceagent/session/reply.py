"""One reply of the language model while it is written: segments to be spoken, and calls of tools."""

from voiceagent.engines.llm.contract import ToolCall
from voiceagent.engines.llm.tool_text import ToolText
from voiceagent.text import Segmenter, ends_sentence

MAX_CALLS = 8
"""Calls of one reply; more is a loop."""


class Reply:
    """Takes a reply's text as it comes and gives back segments."""

    def __init__(self, segmenter: Segmenter) -> None:
        self.said = ""
        """What is to be heard of it, as the model wrote it."""
        self._segmenter = segmenter
        self._written = ToolText()
        self._calls: list[ToolCall] = []

    @property
    def unreadable(self) -> bool:
        """Whether it contains a malformed tool call."""
        return self._written.calling and not self.calls

    @property
    def calls(self) -> list[ToolCall]:
        """The calls, once the reply is whole."""
        return [*self._calls, *self._written.calls()][:MAX_CALLS]

    def push(self, text: str) -> list[str]:
        """Take more text; return the segments it completes. What comes before a call need not wait for its end."""
        return self._push(self._written.feed(text))

    def add_calls(self, calls: tuple[ToolCall, ...]) -> None:
        """Take calls that the engine separated from the text."""
        self._calls += calls

    def finish(self, *, cut: bool) -> list[str]:
        """Return what is left at the end; if it is `cut`, whole sentences only: better unsaid than broken off."""
        rest = self._push(self._written.finish()) + self._segmenter.flush()
        return [text for text in rest if ends_sentence(text)] if cut else rest

    def _push(self, text: str) -> list[str]:
        self.said += text
        segments = self._segmenter.push(text)
        return segments + self._segmenter.flush() if self._written.calling else segments
