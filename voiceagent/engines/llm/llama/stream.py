"""One conversation with a llama.cpp model: its requests as work for the planner, its replies as events.

Lives on the event loop and touches no device. Knows neither other streams nor when its work will run.
"""

import codecs
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal
from zlib import crc32

from voiceagent.engines.contract import HOLD, Need, StreamFailed
from voiceagent.engines.llm.contract import ENGINES_OWN, Completed, Ending, LlmEvent, Message, ReplyOptions, Token
from voiceagent.engines.llm.llama.common import Common, Drawn
from voiceagent.engines.llm.llama.plan import Slot, StreamWork
from voiceagent.engines.llm.llama.sampler import Sampler, Sampling
from voiceagent.engines.llm.llama.template import Prompt
from voiceagent.engines.llm.llama.thinking import Thinking
from voiceagent.engines.llm.marks import opened_thought
from voiceagent.errors import VoiceAgentError

log = logging.getLogger(__name__)

Reason = Literal["stop", "length"]

PREPARE_WITHIN_S = 60.0
"""No caller waits for a history to be prepared: it is read when there is nothing else to do."""
THINK_WITHIN_S = 120.0
"""Nor for a thought: whatever else is speculative comes first."""
REMEMBERED_REPLIES = 4
"""Complete replies whose tokens are kept, unheard speculative ones included."""


@dataclass(slots=True, eq=False, kw_only=True)
class Reply(StreamWork):
    """A reply under way: `tokens` are the prompt's, a thought's if there is one, and the drawn ones."""

    generation: int
    prompt: Prompt
    """Without the thought."""
    sampling: Sampling
    max_tokens: int
    unsaid: str = ""
    """The beginning of the reply that has not been sent to the session."""
    written: bytearray = field(default_factory=bytearray)
    """The bytes of the drawn tokens."""
    decoder: codecs.IncrementalDecoder = field(default_factory=lambda: codecs.getincrementaldecoder("utf-8")("ignore"))
    """Holds back half characters and leaves out bytes that are no UTF-8."""

    def read(self, piece: bytes) -> str:
        """Take a token's bytes and return the text that they complete."""
        self.written += piece
        return self.decoder.decode(piece)


class LlamaStream:
    """One session's conversation with the model."""

    def __init__(
        self,
        number: int,
        slot: Slot,
        common: Common,
        on_event: Callable[[LlmEvent], None],
        on_close: Callable[["LlamaStream"], None],
    ) -> None:
        self.number = number
        self.slot = slot
        self.refusal: StreamFailed | None = None
        """The failure of a reply that cannot even begin; reported by the next `deliver`."""
        self._common = common
        self._on_event = on_event
        self._on_close = on_close
        self._reply: Reply | None = None
        self._preparation: StreamWork | None = None
        self._head: tuple[tuple[Message, ...], list[int]] = ((), [])
        self._known: deque[Prompt] = deque(maxlen=REMEMBERED_REPLIES)
        self._thinking = Thinking(number, slot, common)
        self._first: tuple[list[int], Sampling, Drawn] | None = None
        """A prompt, and the first token drawn after it: the same prompt again can go on from it without reading."""
        self._ending: tuple[list[int], float] | None = None
        """The tokens up to the user's last word, and how likely they are to end there."""
        self._owed: Ending | None = None
        """What is known already about the words of the reply under way."""

    # For the session

    def prepare(self, messages: tuple[Message, ...]) -> None:
        """Read the conversation when there is time. A last message of the user, who is still speaking, is left out, and
        thought about."""
        if messages and messages[-1].role == "user":
            self._prepare(messages[:-1])
            self._thinking.consider(messages, self._known)
        else:
            self._prepare(messages)
        self._common.wake()

    def generate(
        self,
        generation: int,
        messages: tuple[Message, ...],
        deadline: float,
        *,
        need: Need = Need.AWAITED,
        options: ReplyOptions = ENGINES_OWN,
    ) -> None:
        """Reply to `messages`. Replaces a reply under way."""
        self._reply = self.refusal = self._owed = None
        try:
            self._reply = self._begin(generation, messages, deadline, need, options)
        except VoiceAgentError as error:
            self.refusal = StreamFailed(generation, error)
        self._common.wake()

    def reschedule(self, generation: int, deadline: float, *, need: Need = Need.AWAITED) -> None:
        """Move the deadline of the next tokens."""
        if self._reply is not None and self._reply.generation == generation:
            self._reply.deadline, self._reply.need = deadline, need
            self._common.wake()

    def cancel(self, generation: int) -> None:
        """Drop the reply."""
        if self._reply is not None and self._reply.generation == generation:
            self._reply = None
            self._common.wake()  # a preparation may be waiting
        if self.refusal is not None and self.refusal.tag == generation:
            self.refusal = None

    def close(self) -> None:
        """End the stream and free its sequences."""
        self._reply = self._preparation = self.refusal = None
        self._thinking.forget()
        self._on_close(self)

    # For the engine

    @property
    def replying(self) -> bool:
        """Whether a reply is under way, on hold or not."""
        return self._reply is not None

    def work(self, now: float) -> StreamWork | None:
        """Return the work to compute: the reply unless it is on hold, the preparation of one, or a thought."""
        if self._reply is not None:
            return None if self._reply.deadline == HOLD else self._reply
        if self._preparation is not None and self._preparation.tokens != self.slot.history.tokens:
            self._preparation.deadline = now + PREPARE_WITHIN_S
            return self._preparation
        if (thought := self._thinking.work) is not None:
            thought.deadline = now + THINK_WITHIN_S
        return thought

    def take(self, work: StreamWork, drawn: Drawn) -> None:
        """Take a token of a thought or a reply, and report its text unless that reply is no longer wanted."""
        self._thinking.take(work, drawn)
        reply = self._reply
        if reply is None or reply is not work:
            return
        if (owed := self._owed) is not None:
            self._owed = None
            self._on_event(owed)
        reason: Reason | None
        text, reply.unsaid = reply.unsaid, ""
        if drawn.end:
            reason = "stop"
        else:
            reply.tokens.append(drawn.token)
            text += reply.read(drawn.piece)
            reason = self._limit(reply)
            if reason is None and len(reply.tokens) == reply.given + 1:
                self._first = reply.tokens[: reply.given], reply.sampling, drawn
        if reason:
            said = reply.tokens[reply.given :]
            self._known.append(
                Prompt(reply.prompt.text + reply.written.decode("utf-8", "ignore"), reply.prompt.tokens + said)
            )
        if text or not drawn.end:
            self._on_event(Token(reply.generation, text))
        if reason and reply is self._reply:
            self._reply = None
            self._on_event(Completed(reply.generation, reason))

    def judged(self, work: StreamWork, ending: float) -> None:
        """Report how likely the user's words are to end here, as the model finds that has just read them."""
        if self._reply is not None and work is self._reply and work.looked_at is not None:
            self._ending = work.tokens[: work.looked_at + 1], ending
            self._on_event(Ending(self._reply.generation, ending))

    def lose(self, work: StreamWork, error: Exception) -> None:
        """Record that work failed."""
        if work is self._preparation:
            self._preparation = None
            self._on_event(StreamFailed(-1, error))
        elif work is self._thinking.work:
            self._thinking.forget()
            self._on_event(StreamFailed(-1, error))
        elif self._reply is not None and work is self._reply:
            generation, self._reply = self._reply.generation, None
            self._on_event(StreamFailed(generation, error))

    def refuse(self) -> None:
        """Report that a reply could not begin."""
        if (refusal := self.refusal) is not None:
            self.refusal = None
            self._on_event(refusal)

    def _begin(
        self, generation: int, messages: tuple[Message, ...], deadline: float, need: Need, options: ReplyOptions
    ) -> Reply:
        common = self._common
        limit = common.max_tokens if options.max_tokens is None else options.max_tokens
        prompt = common.template.prompt(messages, self._known)
        if len(prompt.tokens) >= common.session_tokens:
            raise VoiceAgentError(
                f"The conversation takes {len(prompt.tokens)} tokens and a session has {common.session_tokens}: "
                "drop its oldest turns, or raise llm.session_tokens."
            )
        self._prepare(messages[:-1])
        given = self._after_thought(messages, prompt, most=common.session_tokens - limit)
        heads = [(common.system, common.template.system_head(messages))]
        if self._preparation is not None:
            heads.append((self.slot.history, self._preparation.tokens))
        if self.slot.question is not None:
            heads.append((self.slot.question, given))
        sampling = replace(common.sampling, seed=_seed(common.sampling.seed, prompt.tokens, options.draw))
        if options.temperature is not None:
            sampling = replace(sampling, temperature=options.temperature)
        reply = Reply(
            stream=self.number,
            sequence=self.slot.reply,
            siblings=self.slot.but(self.slot.reply),
            shared=common.system,
            tokens=list(given),
            given=len(given),
            heads=tuple(heads),
            sampler=(sampler := Sampler(common.model, sampling, common.dry, options.said)),
            looked_at=self._look(generation, prompt.tokens) if options.judge_words else None,
            deadline=deadline,
            need=need,
            generation=generation,
            prompt=prompt,
            sampling=sampling,
            max_tokens=limit,
            unsaid=opened_thought(prompt.text),
        )
        if self._first is not None and self._first[:2] == (given, sampling):
            first = self._first[2]
            sampler.accept(first.token)
            reply.tokens.append(first.token)
            reply.unsaid += reply.read(first.piece)
        return reply

    def _after_thought(self, messages: tuple[Message, ...], prompt: Prompt, most: int) -> list[int]:
        """Return the tokens that a reply to these messages comes after: the prompt's, and a thought's, if they fit."""
        thought = self._thinking.about(messages)
        given = self._common.template.with_thought(prompt, thought, over=True) if thought else prompt.tokens
        if len(given) > most:
            return prompt.tokens
        if thought:
            log.debug("a reply comes after a thought of %d tokens", len(thought))
        return given

    def _look(self, generation: int, tokens: list[int]) -> int | None:
        """Return the position of the user's last word, or None where it is not found, or what follows is known."""
        begins = len(self._head[1])
        end = next((at for at in range(len(tokens) - 1, begins, -1) if self._common.model.is_end(tokens[at])), begins)
        last = next((at for at in range(end - 1, begins - 1, -1) if not self._common.model.is_mark(tokens[at])), None)
        if last is None or not begins:
            return None
        if self._ending is not None and self._ending[0] == tokens[: last + 1]:
            self._owed = Ending(generation, self._ending[1])
            return None
        return last

    def _prepare(self, history: tuple[Message, ...]) -> None:
        common = self._common
        if self._head[0] != history:
            self._head = history, common.template.head(history, self._known)
        tokens = self._head[1]
        self._preparation = None
        if 0 < len(tokens) < common.session_tokens:
            self._preparation = StreamWork(
                stream=self.number,
                sequence=self.slot.history,
                siblings=self.slot.but(self.slot.history),
                shared=common.system,
                tokens=tokens,
                heads=((common.system, common.template.system_head(history)),),
                deadline=HOLD,
                need=Need.SPECULATIVE,
            )

    def _limit(self, reply: Reply) -> Reason | None:
        """Return why the reply must end here, or None."""
        drawn = len(reply.tokens) - reply.given
        full = drawn >= reply.max_tokens or len(reply.tokens) >= self._common.session_tokens
        return "length" if full else None


def _seed(seed: int | None, prompt: list[int], draw: int) -> int | None:
    """Return the seed of a reply: with one for all, replies that begin with the same chances begin with the same words.

    The same prompt has the same one, so that what was drawn for it ahead of time counts.
    """
    return None if seed is None else crc32(b" ".join(b"%d" % token for token in prompt), seed + draw) & 0xFFFFFFFE
