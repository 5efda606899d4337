"""One reply of the language model while it is written: segments to be spoken, and calls of tools."""

from collections.abc import Sequence

from voiceagent.engines.llm.contract import Message, ToolCall
from voiceagent.engines.llm.reply_text import ReplyText
from voiceagent.text import Segmenter, ends_sentence

MAX_CALLS = 8
"""Calls of one reply; more is a loop."""


class Reply:
    """Takes a reply's text as it comes and gives back segments.

    `messages` are what it replies to, and `stops` end it.
    """

    def __init__(self, segmenter: Segmenter, messages: Sequence[Message] = (), stops: Sequence[str] = ()) -> None:
        self.said = ""
        """What is to be heard of it, as the model wrote it."""
        self._segmenter = segmenter
        self._text = ReplyText(messages, stops)
        self._calls: list[ToolCall] = []

    @property
    def over(self) -> bool:
        """Whether nothing more will be heard of it, whatever else the model writes: it should be stopped."""
        return self._text.over

    @property
    def unreadable(self) -> bool:
        """Whether it contains a malformed tool call."""
        return self._text.calling and not self.calls

    @property
    def calls(self) -> list[ToolCall]:
        """The calls, once the reply is whole."""
        return [*self._calls, *self._text.calls()][:MAX_CALLS]

    def push(self, text: str) -> list[str]:
        """Take more text; return the segments it completes. What comes before a call need not wait for its end."""
        return self._push(self._text.feed(text))

    def add_calls(self, calls: tuple[ToolCall, ...]) -> None:
        """Take calls that the engine separated from the text."""
        self._calls += calls

    def finish(self, *, cut: bool) -> list[str]:
        """Return what is left at the end; if it is `cut`, whole sentences only: better unsaid than broken off."""
        rest = self._push(self._text.finish())
        last = self._segmenter.flush()
        self.said += "".join(last)
        return [text for text in (*rest, *last) if ends_sentence(text)] if cut else rest + last

    def _push(self, text: str) -> list[str]:
        if self._text.retracted:
            self._segmenter.flush()  # what was a thought and is not spoken yet
            self._text.retracted = False
        segments = self._segmenter.push(text) if text else []
        if self._text.calling:
            segments += self._segmenter.flush()
        self.said += "".join(segments)
        return segments
