"""What a listener is to hear of a model's reply, while it is written, and the tools it calls. Pure.

One place for every engine. Taken out: thoughts, tool calls, the marks of chat templates, HTML, entities, terminal
codes, stage directions, code and JSON. The reply is over where it repeats itself, where a stop string comes, and where
the model begins to speak for somebody else. How the text is cut into pieces changes nothing; only what may become such
a mark is held back.

- A thought that is never closed is not spoken. A closing mark alone means that all before it was a thought.
- A call in a notation of its own is one even if there is no such tool, so that the model is told. JSON, code and Python
  are calls if there is a tool of that name, and never speech.
- Text after a call was written without its result: it is not spoken.
"""

import re
from collections.abc import Callable, Sequence

from voiceagent.engines.llm import signs
from voiceagent.engines.llm.blocks import JsonEnd, begins_json, fence_at
from voiceagent.engines.llm.characters import Characters
from voiceagent.engines.llm.chat import tools_of
from voiceagent.engines.llm.contract import Message, ToolCall
from voiceagent.engines.llm.lines import Line, begins_of_line
from voiceagent.engines.llm.loops import LoopCut
from voiceagent.engines.llm.marks import LITERALS, LONGEST_LITERAL, NO_MARK, Kind, Mark, mark_at, tag_at
from voiceagent.engines.llm.signs import sign_at
from voiceagent.engines.llm.tool_text import read_calls

_OTHERS = {
    *("user", "human", "customer", "system", "developer", "environment", "observation"),
    *("tool", "tools", "ipython", "function", "functions"),
}
_TO = re.compile(r"\bto=(?:functions\.)?([\w.:-]+)")
_LONGEST_HEADER = 120
_BLANK = re.compile(r"[ \t]+")
_HEADER = re.compile(r"[^<\n]*")
_PROSE = frozenset(("", "text", "txt", "plain", "plaintext", "markdown", "md"))
"""Languages of code blocks that are no code."""
FIRST_OF_MARK = "<[◁✿"
_FIRST_IN_SPEECH = "\n{`" + FIRST_OF_MARK + signs.FIRST
_FIRST_IN_THOUGHT = re.compile("[<\\[◁aHF\n]")
_IN_THOUGHT = LITERALS | {
    "assistantfinal": Mark(Kind.ANSWER, "harmony"),
    "Here is my response:": Mark(Kind.ANSWER, "process"),
    "Here's my response:": Mark(Kind.ANSWER, "process"),
    "Final Answer:": Mark(Kind.ANSWER, "line"),
    "\nAction:": Mark(Kind.CALL, "call", of_template=False),
    "\nObservation:": Mark(Kind.OTHERS, "observation"),
}
_PROSE_AFTER_CALL = re.compile(r"</tool_call>\s{0,8}[^\W\d_]{2}")


class ReplyText:
    """The text of one reply. `messages` are what it replies to: the tools are declared there, and the agent is named.

    It ends before the first of `stops` outside a thought.
    """

    def __init__(self, messages: Sequence[Message] = (), stops: Sequence[str] = ()) -> None:
        self.over = False
        """Whether nothing more will be heard of it, whatever else the model writes: it should be stopped."""
        self.retracted = False
        """Whether all text returned by earlier calls turned out to be a thought; the owner sets it back."""
        self._tools = tools_of(tuple(messages))
        self._stops = tuple(stop for stop in stops if stop)
        self._lines = begins_of_line(messages, tuple(tool.name for tool in self._tools))
        self._literals = LITERALS | {
            f"[{tool.name}(": Mark(Kind.CALL, tool.name, of_template=False) for tool in self._tools
        }
        firsts = _FIRST_IN_SPEECH + "".join(stop[0] for stop in self._stops)
        self._in_speech = re.compile(f"[{re.escape(firsts)}]")
        self._characters = Characters()
        self._loop: LoopCut | None = LoopCut()
        self._text = ""
        self._at = 0
        """Where in the text that is not read yet."""
        self._shown: list[str] = []
        self._said = False
        self._line_begins = True
        self._last = ""
        """The character before, if it was shown."""
        self._thoughts: list[str] = []
        """The names of the thoughts that are open."""
        self._thought_once = False
        self._call_in_thought = ""
        """A call, and what follows it, in a thought that may never be closed."""
        self._header = ""
        self._channel = ""
        self._block = ""
        """JSON or code that has begun."""
        self._json = JsonEnd()
        self._written = ""
        self._tagged = False
        self._read: Callable[[bool], bool] = self._read_text

    @property
    def calling(self) -> bool:
        """Whether a call has begun: no more text will be shown."""
        return bool(self._written)

    def feed(self, text: str) -> str:
        """Take more of the reply and return what is certainly to be heard."""
        if self.over:
            return ""
        loop = self._loop
        self._text = self._text[self._at :] + self._characters.feed(text if loop is None else loop.feed(text))
        self._at = 0
        looping = loop is not None and loop.found
        shown = self._advance(final=looping)
        self.over = self.over or looping
        return shown

    def finish(self) -> str:
        """Return what was held back and turned out to be text."""
        return "" if self.over else self._advance(final=True)

    def calls(self) -> list[ToolCall]:
        """Return the calls of the whole reply, without ids; those that cannot be read are left out."""
        return read_calls(self._written, self._tools, tagged=self._tagged)

    # Reading: each of these reads on from `self._at` and returns whether it got on; `final` means there is no more.

    def _advance(self, *, final: bool) -> str:
        self._shown = []
        while self._at < len(self._text) and not self.over and self._read(final):
            pass
        if (final or self.over) and self._thoughts and self._call_in_thought:
            self._written, self._tagged = self._call_in_thought, True
        if final and self._block and not self._written:
            self._end_block()
        return "".join(self._shown)

    def _read_text(self, final: bool) -> bool:
        if self._thoughts:
            return self._read_thought(final)
        if self._line_begins:
            if blank := _BLANK.match(self._text, self._at):
                self._show(blank[0])
                return True
            line = self._begin_of_line(final)
            if line is None:
                return False
            if line.text:
                self._act(line.mark, len(line.text))
                return True
            self._line_begins = False
        trigger = self._in_speech.search(self._text, self._at)
        at = trigger.start() if trigger else len(self._text)
        if at > self._at:
            self._show(self._text[self._at : at])
            return True
        return self._read_sign(final)

    def _read_thought(self, final: bool) -> bool:
        trigger = _FIRST_IN_THOUGHT.search(self._text, self._at)
        at = trigger.start() if trigger else len(self._text)
        if at > self._at:
            self._skip_thought(at - self._at)
            return True
        found = mark_at(self._text, self._at, _IN_THOUGHT, final=final)
        if found is None:
            return False
        length, mark = found
        known = mark.kind in (Kind.THOUGHT, Kind.ANSWER) or (
            mark.of_template and mark.kind in (Kind.END, Kind.OTHERS, Kind.HEADER)
        )
        if length and known:
            self._act(mark, length)
        else:
            self._skip_thought(length or 1, calling=mark.kind is Kind.CALL)
        return True

    def _skip_thought(self, length: int, *, calling: bool = False) -> None:
        if self._call_in_thought or calling:
            self._call_in_thought += self._text[self._at : self._at + length]
        self._at += length

    def _read_sign(self, final: bool) -> bool:
        """Read on from a character that may begin a mark."""
        if (stopped := self._read_stop(final)) is not None:
            return stopped
        text, at = self._text, self._at
        begins: bool | None = False
        if text[at] in "{[":
            at_first = text[at] == "{" and not self._said  # speech never begins that way
            begins = at_first or begins_json(text, at, final=final)
        if begins:
            self._json, self._read = JsonEnd(), self._read_json
            return True
        if begins is None:
            return False
        if text[at] == "`":
            return self._read_fence(final)
        found = mark_at(text, at, self._literals, final=final) if text[at] in FIRST_OF_MARK else (0, NO_MARK)
        if found is None:
            return False
        if found[0]:
            self._act(found[1], found[0])
            return True
        sign = sign_at(text, at, self._last, final=final) if text[at] in signs.FIRST else (0, "")
        if sign is None:
            return False
        length, heard = sign
        if length:
            self._at += length
            self._append(heard)
        else:
            self._show(text[at])
        return True

    def _read_stop(self, final: bool) -> bool | None:
        """End the reply before a stop; None if none begins here."""
        rest = self._text[self._at : self._at + LONGEST_LITERAL]
        if any(self._text.startswith(stop, self._at) for stop in self._stops):
            self.over = True
            return True
        if not final and any(stop.startswith(rest) and stop != rest for stop in self._stops):
            return False
        return None

    def _begin_of_line(self, final: bool) -> Line | None:
        """Return the label or heading that begins a line, an empty one if none does; None if more text decides."""
        rest = self._text[self._at : self._at + LONGEST_LITERAL]
        possible = [line for line in self._lines if not (line.first and self._said)]
        for line in possible:
            if rest.startswith(line.text) or (final and rest + "\n" == line.text):
                return line
        if not final and any(line.text.startswith(rest) for line in possible):
            return None
        return Line("", NO_MARK)

    def _read_fence(self, final: bool) -> bool:
        fence = fence_at(self._text, self._at, final=final)
        if fence is None:
            return False
        length, language = fence
        self._at += length
        if not length:
            self._show("`")
        elif language in _PROSE:
            self._at -= 1  # the line's end is heard
        elif language is not None:
            self._block, self._read = "\n", self._read_code
        return True

    def _read_code(self, final: bool) -> bool:
        end = self._text.find("```", self._at)
        held = 0 if final else next((n for n in (2, 1) if self._text.endswith("`" * n)), 0)
        until = end if end >= 0 else max(self._at, len(self._text) - held)
        moved = until > self._at
        self._block += self._text[self._at : until]
        self._at = until
        if end >= 0:
            self._at += 3
            self._end_block()
        return moved or end >= 0

    def _read_json(self, final: bool) -> bool:
        end = self._json.feed(self._text, self._at)
        until = end or len(self._text)
        self._block += self._text[self._at : until]
        self._at = until
        if end:
            self._end_block()
        return True

    def _end_block(self) -> None:
        """Go on after JSON or code: it is a call, or nothing to be heard."""
        block, self._block = self._block, ""
        self._read = self._read_text
        if read_calls(block, self._tools, tagged=False):
            self._written, self._read = block, self._read_call

    def _read_header(self, final: bool) -> bool:
        part = _HEADER.match(self._text, self._at)
        words = part[0][: _LONGEST_HEADER - len(self._header)] if part else ""
        self._header += words
        self._at += len(words)
        if len(self._header) >= _LONGEST_HEADER:
            self._end_header()
        elif self._at < len(self._text) and self._text[self._at] == "\n":
            self._at += 1
            self._end_header()
        elif self._at < len(self._text):
            found = tag_at(self._text, self._at, final=final)
            if found is None:
                return bool(words)
            length, mark = found
            if mark.kind is Kind.HEADER and length:
                self._header += " "
                self._at += length
            else:
                self._at += length if mark.kind is Kind.CONTENT else 0
                self._end_header()
        return True

    def _end_header(self) -> None:
        header, self._header = self._header, ""
        words = header.lower().split()
        self._read, self._line_begins, self._channel = self._read_text, True, header
        self._thoughts = [name for name in self._thoughts if name != "harmony"]
        recipient = _TO.search(header)
        if words and (words[0] in _OTHERS or words[0].startswith("functions.")):
            self.over = True
        elif recipient and recipient[1] not in ("assistant", "user"):
            self._begin_call(f"<function={recipient[1]}>")
        elif not {"analysis", "thought", "thinking", "think"}.isdisjoint(words):
            self._open_thought("harmony")

    def _begin_call(self, written: str) -> None:
        self._thoughts, self._written, self._tagged, self._read = [], written, True, self._read_call

    def _read_call(self, final: bool) -> bool:
        at, before = self._text.find("<", self._at), len(self._written)
        if at != self._at:
            part = self._text[self._at : at if at >= 0 else len(self._text)]
            self._written += part
            self._at += len(part)
        else:
            found = tag_at(self._text, at, final=final)
            if found is None:
                return False
            length, mark = found
            ends = mark.kind in (Kind.END, Kind.OTHERS, Kind.HEADER)
            if length and ends and (mark.of_template or mark.kind is Kind.OTHERS):
                self.over = True
            else:
                self._written += self._text[at : at + (length or 1)]
                self._at += length or 1
        if prose := _PROSE_AFTER_CALL.search(self._written, max(0, before - 32)):
            self._written, self.over = self._written[: prose.end()], True
        return True

    # What marks do

    def _act(self, mark: Mark, length: int) -> None:
        text = self._text[self._at : self._at + length]
        self._at += length
        match mark.kind:
            case Kind.THOUGHT:
                self._open_thought(mark.name)
            case Kind.ANSWER:
                self._close_thought(mark.name)
            case Kind.CALL:
                self._begin_call(text)
                self._tagged = mark.of_template or text.startswith("<")
            case Kind.END if mark.name == "end" and not self._at_end():
                self._thoughts.clear()
            case Kind.END:
                self.over = self._said or bool(self._thoughts)
            case Kind.OTHERS:
                self.over = True
            case Kind.HEADER:
                self._read, self._header = self._read_header, ""
            case Kind.BREAK:
                self._append("\n")

    def _at_end(self) -> bool:
        """Return whether harmony's `<|end|>`, which ends a message, ends the reply as well."""
        return "harmony" not in self._thoughts and "commentary" not in self._channel

    def _open_thought(self, name: str) -> None:
        self._thought_once = True
        self._call_in_thought = ""
        if name not in self._thoughts:
            self._thoughts.append(name)

    def _close_thought(self, name: str) -> None:
        if name in self._thoughts:
            del self._thoughts[self._thoughts.index(name) :]
        elif self._thoughts:
            self._thoughts.clear()
        elif not self._thought_once:
            self.retracted, self._said, self._thought_once = True, False, True
            self._shown.clear()
        self._line_begins, self._last = True, ""

    def _show(self, text: str) -> None:
        """Let the text that stands here be heard."""
        self._at += len(text)
        self._append(text)

    def _append(self, text: str) -> None:
        """Let a text be heard. White space before the first word is dropped."""
        self._line_begins = text.endswith("\n") or (self._line_begins and not text.strip())
        self._last = text[-1:]
        if not self._said:
            text = text.lstrip()
            self._said = bool(text)
        self._shown.append(text)
