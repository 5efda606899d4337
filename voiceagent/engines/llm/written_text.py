"""What a reader is to see of a model's reply: what a listener would hear, with code, JSON, HTML and signs as they are.

Taken out are thoughts, tool calls and the marks of chat templates. In a conversation with tools, JSON and code are held
back until it is known that they are no call.
"""

from collections.abc import Sequence

from voiceagent.engines.llm.blocks import JsonEnd, begins_json, fence_at
from voiceagent.engines.llm.contract import Message
from voiceagent.engines.llm.marks import NO_MARK, Kind, Mark, mark_at
from voiceagent.engines.llm.reply_text import FIRST_OF_MARK, ReplyText
from voiceagent.engines.llm.tool_text import read_calls

COMMENT = "!"
"""The name of HTML's comments among the marks."""


class WrittenText(ReplyText):
    """The text of one reply, for a reader."""

    def __init__(self, messages: Sequence[Message] = (), stops: Sequence[str] = ()) -> None:
        super().__init__(messages, stops)
        self._loop = None
        self._lines = [line for line in self._lines if line.mark.kind in (Kind.THOUGHT, Kind.CALL)]

    def _read_sign(self, final: bool) -> bool:
        if (stopped := self._read_stop(final)) is not None:
            return stopped
        text, at = self._text, self._at
        if self._tools and text[at] in "{[":
            begins = begins_json(text, at, final=final)
            if begins is None:
                return False
            if begins:
                self._json, self._read = JsonEnd(), self._read_json
                return True
        if self._tools and text[at] == "`":
            return self._read_fence(final)
        found = mark_at(text, at, self._literals, final=final) if text[at] in FIRST_OF_MARK else (0, NO_MARK)
        if found is None:
            return False
        length, mark = found
        if length and not _is_html(mark):
            self._act(mark, length)
        else:
            self._show(text[at : at + (length or 1)])
        return True

    def _read_fence(self, final: bool) -> bool:
        fence = fence_at(self._text, self._at, final=final)
        if fence is None:
            return False
        length, language = fence
        opened = self._text[self._at : self._at + (length or 1)]
        if length and language is not None:
            self._at += length
            self._block, self._read = opened, self._read_code
        else:
            self._show(opened)
        return True

    def _read_code(self, final: bool) -> bool:
        end = self._text.find("```", self._at)
        if end < 0:
            return super()._read_code(final)
        self._block += self._text[self._at : end + 3]
        self._at = end + 3
        self._end_block()
        return True

    def _end_block(self) -> None:
        block, self._block = self._block, ""
        self._read = self._read_text
        if read_calls(block, self._tools, tagged=False):
            self._written, self._read = block, self._read_call
        else:
            self._append(block)


def _is_html(mark: Mark) -> bool:
    return mark.kind in (Kind.NOTHING, Kind.BREAK) and (not mark.of_template or mark.name == COMMENT)
