"""What the tests of the llama.cpp engine share: tiny models, conversations, and an oracle that remembers nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.dummies.gguf_model import write
from benchmarks.dummies.gguf_shape import Kind
from benchmarks.dummies.gguf_tokenizer import CHATML, byte_tokens
from voiceagent.engines.contract import Batch, StreamFailed
from voiceagent.engines.llm.contract import Completed, LlmEvent, Message, Token
from voiceagent.engines.llm.llama.context import LlamaContext, Rows
from voiceagent.engines.llm.llama.engine import LlamaEngine, Sampling
from voiceagent.engines.llm.llama.model import LlamaModel
from voiceagent.engines.llm.llama.runner import StepResult
from voiceagent.engines.llm.llama.sampler import Sampler
from voiceagent.engines.llm.llama.stream import LlamaStream
from voiceagent.engines.llm.llama.template import ChatTemplate

GREEDY = Sampling(temperature=0.0, repeat_penalty=1.0)
SYSTEM = Message("system", "You are a friendly voice.")
THINKING = CHATML + "{% if add_generation_prompt %}{{ '<think></think>' }}{% endif %}"
"""A template that ends, told not to think, like that of Nemotron 3 Nano."""
NO_MERGES = {
    "tokenizer.ggml.tokens": byte_tokens("ÀÁ", "ÂÃ", "ÀÁÂÃ"),
    "tokenizer.ggml.merges": ["À Á", "Â Ã", "ÀÁ ÂÃ"],
}
"""Bytes that no text has: so the tokenizer splits replies as the model drew them, and the oracle reads the same."""


def user(text: str) -> Message:
    return Message("user", text)


def agent(text: str) -> Message:
    return Message("assistant", text)


def loaded(path: Path, **options: Any) -> LlamaEngine:
    """Load an engine; replies are 12 tokens long, as the tiny models never end by themselves."""
    defaults: dict[str, Any] = {
        "sampling": GREEDY,
        "max_tokens": 12,
        "session_tokens": 256,
        "context_tokens": 1024,
        "prefill_tokens": 16,
        "streams_per_step": 4,
    }
    engine = LlamaEngine(path, **(defaults | options))
    engine.load()
    return engine


class Caller:
    """One stream and what it was told."""

    def __init__(self, engine: LlamaEngine) -> None:
        self.events: list[LlmEvent] = []
        self.stream: LlamaStream = engine.open(self.events.append)

    def text(self, generation: int) -> str:
        return "".join(
            event.text for event in self.events if isinstance(event, Token) and event.generation == generation
        )

    def ended(self, generation: int) -> bool:
        return any(isinstance(event, Completed) and event.generation == generation for event in self.events)

    @property
    def failures(self) -> list[StreamFailed]:
        return [event for event in self.events if isinstance(event, StreamFailed)]


def step(engine: LlamaEngine, meanwhile: Callable[[], None] = lambda: None) -> Batch | None:
    """Run the next step; `meanwhile` is called while it is under way."""
    batch = engine.pending(0.0)
    if batch is not None:
        results = engine.run(batch)
        assert isinstance(results, StepResult)
        meanwhile()
        engine.deliver(batch, results)
    return batch


def drive(engine: LlamaEngine) -> None:
    while step(engine) is not None:
        pass


def reply(engine: LlamaEngine, caller: Caller, generation: int, *messages: Message) -> str:
    """Ask, wait for the whole reply, and return it."""
    caller.stream.generate(generation, messages, 1.0)
    while not caller.ended(generation):
        assert step(engine) is not None, caller.events
    return caller.text(generation)


class Oracle:
    """Computes every reply from nothing, in one piece, in an empty context."""

    def __init__(self, path: Path, context_tokens: int = 1024) -> None:
        self.model = LlamaModel(path)
        self.template = ChatTemplate(self.model)
        self.context = LlamaContext(
            self.model,
            context_tokens=context_tokens,
            sequences=1,
            batch_tokens=context_tokens,
            threads=1,
            flash_attention=False,
        )

    def continuation(self, tokens: list[int], count: int) -> list[int]:
        """Return the `count` likeliest tokens after `tokens`."""
        self.context.drop(0)
        sampler = Sampler(self.model, GREEDY)
        drawn: list[int] = []
        rows = Rows(0, 0, tokens, True)
        for _ in range(count):
            last = self.context.decode([rows])
            assert last is not None
            drawn.append(self.context.sample(sampler, last[0]))
            rows = Rows(0, len(tokens) + len(drawn) - 1, drawn[-1:], True)
        return drawn

    def reply(self, *messages: Message, count: int = 12, thought: Sequence[int] = ()) -> str:
        """Return what a greedy reply of `count` tokens to these messages says."""
        given = self.tokens(*messages)
        if thought:
            given = [*self._before_thought(messages), *thought, *self.model.tokenize("\n</think>")]
        return b"".join(map(self.model.piece, self.continuation(given, count))).decode("utf-8", "ignore")

    def thought(self, count: int, *messages: Message, begun: Sequence[int] = ()) -> list[int]:
        """Return a greedy thought that goes on by `count` tokens, after those with which it has begun."""
        return [*begun, *self.continuation([*self._before_thought(messages), *begun], count)]

    def tokens(self, *messages: Message) -> list[int]:
        return self.template.prompt(messages).tokens

    def _before_thought(self, messages: tuple[Message, ...]) -> list[int]:
        text = self.template.prompt(messages).text
        return self.model.tokenize(text.removesuffix("<think></think>") + "<think>\n")

    def length(self, text: str) -> int:
        """Count the tokens of a text."""
        return len(self.model.tokenize(text))

    def close(self) -> None:
        self.context.close()
        self.model.close()


def tiny(folder: Path, kind: Kind, **overrides: Any) -> Path:
    # A seed with which no greedy reply of the tests hangs on a tie that another order of sums would break.
    return write(folder / f"{kind}.gguf", kind, **({"seed": 1} | overrides))
