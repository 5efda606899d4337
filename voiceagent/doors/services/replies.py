"""Replies of the language model that a client asks for in parts: each part goes on where the last one ended.

llama.cpp's clients send the prompt again with the text so far. The reply is kept meanwhile, with nothing decoded, and
goes on when its own beginning comes back.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from voiceagent.doors.errors import UnavailableError
from voiceagent.doors.host import Host
from voiceagent.doors.services.chatml import Prompt
from voiceagent.engines.contract import HOLD, StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEvent, ReplyOptions, Token
from voiceagent.engines.llm.reply_text import ReplyText
from voiceagent.errors import VoiceAgentError

KEPT_S = 60.0
"""A reply whose next part is not asked for is forgotten: clients wait for a sentence to be spoken, at most 30 s."""
MOST_KEPT = 64
_GENERATION = 1


class ModelFailedError(VoiceAgentError):
    """The model failed in the middle of a reply."""


class ModelReply:
    """One reply, while it is written. Raises UnavailableError when no model can be lent."""

    def __init__(self, host: Host, prompt: Prompt, stops: Sequence[str], options: ReplyOptions) -> None:
        self.prompt = prompt
        self.reason = ""
        """Why it ended: eos, word (a stop string) or limit; "" while it goes on."""
        self.reader = 0
        """Grows by one whenever another request takes the reply over."""
        self._text = ReplyText(prompt.messages, stops)
        self._pieces: list[str] = []
        self._at = 0
        self._error: Exception | None = None
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._stream = host.open_model(self._on_event)
        self._stream.generate(_GENERATION, prompt.messages, self._loop.time(), options=options)

    async def next(self, reader: int) -> str:
        """Return the next piece of its text; "" at its end, and for one who is no longer its reader.

        Raises ModelFailedError.
        """
        while self.reader == reader and self._at == len(self._pieces) and not self.reason:
            self._changed.clear()
            await self._changed.wait()
        if self.reader != reader:
            return ""
        if self._at < len(self._pieces):
            self._at += 1
            return self._pieces[self._at - 1]
        if self._error is not None:
            raise ModelFailedError("The language model failed; send the prompt again.") from self._error
        return ""

    def goes_on_from(self, answer: str) -> bool:
        """Return whether it begins with this text; then `next` goes on after it."""
        written = "".join(self._pieces)
        if not written.startswith(answer):
            return False
        ends = list(accumulate(len(piece) for piece in self._pieces))
        first = bisect_right(ends, len(answer))
        cut = [written[len(answer) : ends[first]]] if first < len(ends) else []
        self._pieces, self._at = [answer, *cut, *self._pieces[first + 1 :]], 1
        self.reader += 1
        self._changed.set()
        if not self.reason:
            self._stream.reschedule(_GENERATION, self._loop.time())
        return True

    def hold(self) -> None:
        """Decode nothing until it is asked for."""
        if not self.reason:
            self._stream.reschedule(_GENERATION, HOLD)

    def close(self) -> None:
        """Forget it."""
        self._stream.close()

    def _on_event(self, event: LlmEvent) -> None:
        match event:
            case Token(_, text):
                self._add(self._text.feed(text))
                if self._text.over:
                    self._end("word")
            case Completed(_, reason):
                self._add(self._text.finish())
                self._end("limit" if reason == "length" else "eos")
            case StreamFailed(_, error):
                self._error = error
                self._end("limit")
        self._changed.set()

    def _end(self, reason: str) -> None:
        """Note its end, and give the model back: the text stays."""
        self.reason = reason
        self._stream.cancel(_GENERATION)
        self._loop.call_soon(self._stream.close)

    def _add(self, text: str) -> None:
        if text:
            self._pieces.append(text)


class Replies:
    """The replies of all clients that may go on."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._open: dict[ModelReply, asyncio.TimerHandle | None] = {}

    def reply(self, prompt: Prompt, stops: Sequence[str], options: ReplyOptions) -> ModelReply | None:
        """Return the reply that a prompt asks for, a new one at its beginning; None for a text that is none of ours.

        Replies to earlier turns of the same conversation are forgotten. Raises UnavailableError.
        """
        for reply in list(self._open):
            same = reply.prompt.conversation == prompt.conversation
            if same and prompt.answer and reply.goes_on_from(prompt.answer):
                self._keep(reply, None)
                return reply
            if prompt.conversation.startswith(reply.prompt.conversation):
                self.forget(reply)
        if prompt.answer.strip():
            return None
        waiting = [reply for reply, timer in self._open.items() if timer is not None]
        for reply in waiting[: max(0, len(self._open) - MOST_KEPT + 1)]:
            self.forget(reply)
        try:
            reply = ModelReply(self._host, prompt, stops, options)
        except UnavailableError:
            held = next((reply for reply in waiting if reply in self._open and not reply.reason), None)
            if held is None:
                raise
            self.forget(held)
            reply = ModelReply(self._host, prompt, stops, options)
        self._keep(reply, None)
        return reply

    def leave(self, reply: ModelReply, reader: int) -> None:
        """A request has ended: keep the reply for the next one, unless another has taken it over."""
        if reply in self._open and reply.reader == reader:
            reply.hold()
            self._keep(reply, asyncio.get_running_loop().call_later(KEPT_S, self.forget, reply))

    def forget(self, reply: ModelReply) -> None:
        """Close a reply."""
        if reply in self._open:
            self._keep(reply, None)
            del self._open[reply]
            reply.close()

    def close(self) -> None:
        """Close all of them."""
        for reply in list(self._open):
            self.forget(reply)

    def _keep(self, reply: ModelReply, timer: asyncio.TimerHandle | None) -> None:
        if (before := self._open.get(reply)) is not None:
            before.cancel()
        self._open[reply] = timer
