"""A language model without a model: a function writes the reply, and each step yields a word of it."""

import re
import time
from collections.abc import Callable, Generator

from voiceagent.engines.contract import CostKey, Need
from voiceagent.engines.llm.contract import ENGINES_OWN, Completed, Ending, LlmEvent, Message, ReplyOptions, Token
from voiceagent.engines.queue import Job
from voiceagent.engines.scripted import ScriptedEngine, ScriptedStep
from voiceagent.engines.timing import SMALL_CPU, StepTimes
from voiceagent.errors import VoiceAgentError

PREFILL: CostKey = ("llm.prefill", 1)
DECODE: CostKey = ("llm.decode", 1)
TOKEN = re.compile(r"\s*\S+|\s+$")
MESSAGE_OVERHEAD = 4
"""Tokens that a chat template adds to a message: about what ChatML takes for its role and its marks."""

Reply = Callable[[tuple[Message, ...]], str]


def echo(messages: tuple[Message, ...]) -> str:
    """Return the user's last words and the number of turns so far, so that memory can be tested."""
    said = [message.content for message in messages if message.role == "user"]
    if not said:
        return "Hello! Say something, and I will say it back."
    quote = said[-1].strip()
    stop = "" if quote.endswith((".", "?", "!")) else "."
    return f"You said: {quote}{stop} That was turn {len(said)}."


class ScriptedLlm(ScriptedEngine):
    """Replies with `reply(messages)`, one prefill step and then one word per step.

    `reply` is called on the lane's thread; what it raises fails the step. So does the token `fail_at` (counted from 1)
    of every reply; set it to None to recover. `ending(text)` is how likely the user's last words are to end; without
    it, or where it returns None, the engine does not say. A script has no temperature.
    """

    def __init__(
        self,
        reply: Reply = echo,
        *,
        fail_at: int | None = None,
        ending: Callable[[str], float | None] | None = None,
        sequences: int = 64,
        timing: StepTimes = SMALL_CPU,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__("llm", timing, sleep)
        self.reply = reply
        self.fail_at = fail_at
        self.ending = ending
        self._sequences = sequences
        self._open: set[int] = set()

    def open(self, on_event: Callable[[LlmEvent], None]) -> "ScriptedLlmStream":
        """Start a conversation. Raises VoiceAgentError when all `sequences` are taken."""
        if len(self._open) == self._sequences:
            raise VoiceAgentError(
                f"All {self._sequences} sequences of the scripted LLM are taken: end a session first."
            )
        stream = next(self._stream_ids)
        self._open.add(stream)
        return ScriptedLlmStream(self, stream, on_event)

    def release(self, stream: int) -> None:
        """Drop a stream's work and free its sequence."""
        self.cancel(stream)
        self._open.discard(stream)

    def count_tokens(self, messages: tuple[Message, ...]) -> int:
        """Count a token for each word, and a chat template's overhead for each message and tool."""
        return sum(len(message.content.split()) + MESSAGE_OVERHEAD * (1 + len(message.tools)) for message in messages)


class ScriptedLlmStream:
    """One session's conversation."""

    def __init__(self, engine: ScriptedLlm, stream: int, on_event: Callable[[LlmEvent], None]) -> None:
        self._engine = engine
        self.number = stream
        self._on_event = on_event

    def prepare(self, messages: tuple[Message, ...]) -> None:
        """Do nothing: a script has no cache to fill."""

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
        self._engine.cancel(self.number)
        self._engine.submit(
            Job(
                self.number,
                generation,
                deadline,
                PREFILL,
                self._steps(generation, messages, options),
                self._on_event,
                need,
                generation=generation,
            )
        )

    def reschedule(self, generation: int, deadline: float, *, need: Need = Need.AWAITED) -> None:
        """Move the deadline of the next tokens."""
        self._engine.reschedule(self.number, generation, deadline, need=need)

    def cancel(self, generation: int) -> None:
        """Drop the reply."""
        self._engine.cancel(self.number, generation)

    def close(self) -> None:
        """End the stream and free its sequence."""
        self._engine.release(self.number)

    def _steps(
        self, generation: int, messages: tuple[Message, ...], options: ReplyOptions
    ) -> Generator[ScriptedStep, None, None]:
        whole = TOKEN.findall(self._engine.reply(messages))
        tokens = whole[: options.max_tokens]
        judges = self._engine.ending if options.judge_words else None
        ending = None if judges is None else judges(messages[-1].content)
        yield ScriptedStep(None if ending is None else Ending(generation, ending), DECODE)
        for number, text in enumerate(tokens, 1):
            if number == self._engine.fail_at:
                raise RuntimeError(f"scripted to fail at token {number}")
            yield ScriptedStep(Token(generation, text), DECODE)
        yield ScriptedStep(Completed(generation, "stop" if tokens == whole else "length"))
