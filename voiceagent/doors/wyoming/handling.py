"""A sentence answered by the language model, as text: what Home Assistant calls a conversation agent."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from uuid import uuid4

from wyoming.asr import Transcript
from wyoming.event import Event, Eventable
from wyoming.handle import Handled, HandledChunk, HandledStart, HandledStop, NotHandled

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.host import Host
from voiceagent.doors.wyoming.conversations import Conversations
from voiceagent.doors.wyoming.languages import language_among
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEvent, Message, Token
from voiceagent.errors import VoiceAgentError
from voiceagent.session.reply import Reply

log = logging.getLogger(__name__)

MOST_CHARS = 4_000
"""The longest text a user may write."""


class Handling:
    """The conversations of one connection: those that the client names, and one of its own."""

    def __init__(self, host: Host, conversations: Conversations, send: Callable[[Eventable], Awaitable[None]]) -> None:
        self._host = host
        self._conversations = conversations
        self._send = send
        self._own = uuid4().hex

    async def answer(self, event: Event) -> None:
        """Take a `transcript`, and send the answer as it is written. Raises VoiceAgentError where there is none."""
        if not isinstance(text := event.data.get("text"), str) or len(text) > MOST_CHARS:
            raise BadRequestError("bad-event", f"A transcript has a text of at most {MOST_CHARS} characters.")
        asked, config = Transcript.from_event(event), self._host.config
        language_among((config.language,), asked.language)
        context = asked.context if isinstance(asked.context, dict) else None
        conversation = str((context or {}).get("conversation_id") or self._own)
        messages = self._conversations.messages(conversation, config.system_prompt, text)
        reply: list[str] = []
        try:
            async with aclosing(self._reply(messages)) as pieces:
                async for piece in pieces:
                    if not reply:
                        await self._send(HandledStart(context))
                    reply.append(piece)
                    await self._send(HandledChunk(piece))
        except _ReplyError as error:
            log.warning("a text was not answered", extra={"reason": str(error)})
        answer = "".join(reply).strip()
        if not answer:
            await self._send(NotHandled(config.failure_message, context))
            return
        self._conversations.add(conversation, text, answer)
        await self._send(Handled(answer, context))
        await self._send(HandledStop())

    async def _reply(self, messages: tuple[Message, ...]) -> AsyncGenerator[str, None]:
        """Yield what the model writes, in pieces of a sentence or less, without what is not for the user."""
        config, loop = self._host.config, asyncio.get_running_loop()
        events: asyncio.Queue[LlmEvent] = asyncio.Queue()
        reply = Reply(config.segmenter(config.language), messages, config.stop)
        stream = self._host.open_model(events.put_nowait)
        try:
            stream.generate(1, messages, loop.time(), options=config.reply_options)
            while not reply.over:
                match await events.get():
                    case Token(_, text):
                        for segment in reply.push(text):
                            yield segment
                    case Completed(_, reason):
                        for segment in reply.finish(cut=reason == "length"):
                            yield segment
                        return
                    case StreamFailed(_, error):
                        raise _ReplyError(str(error)) from error
            for segment in reply.finish(cut=False):
                yield segment
        finally:
            stream.close()


class _ReplyError(VoiceAgentError):
    """The language model failed."""
