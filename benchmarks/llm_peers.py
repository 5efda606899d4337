"""Two ways to serve several conversations with one llama.cpp model: our engine's sequences, and `llama_cpp.Llama`.

Both get the same weights, threads, layers on the GPU and greedy choice of tokens, and read prompts through the same
chat template. Both are driven from this thread, without a scheduler.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from types import TracebackType
from typing import Self

from llama_cpp import Llama

from voiceagent.engines.llm.contract import LlmEvent, Message, Token
from voiceagent.engines.llm.llama.engine import LlamaEngine, Sampling
from voiceagent.engines.llm.llama.model import LlamaModel
from voiceagent.engines.llm.llama.template import ChatTemplate
from voiceagent.text.segments import Segmenter

Chat = tuple[Message, ...]

GREEDY = Sampling(temperature=0.0, repeat_penalty=1.0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What both have in common."""

    path: Path
    threads: int
    gpu_layers: int
    sessions: int
    session_tokens: int
    reply_tokens: int
    prefill_tokens: int


@dataclass(slots=True)
class Reply:
    """A reply as it came."""

    asked: float
    times: list[float] = field(default_factory=list)
    """When each token came."""
    text: str = ""
    segment: float | None = None
    """When the first segment was whole."""
    segmenter: Segmenter = field(default_factory=Segmenter)

    def take(self, text: str) -> None:
        """Record a token."""
        self.times.append(time.perf_counter())
        self.text += text
        if self.segmenter.push(text) and self.segment is None:
            self.segment = self.times[-1]

    @property
    def first_ms(self) -> float:
        """Time to first token."""
        return 1000 * (self.times[0] - self.asked)

    @property
    def segment_ms(self) -> float:
        """Time to first segment; to the end where the reply is shorter than one."""
        return 1000 * ((self.segment or self.times[-1]) - self.asked)


class Ours:
    """Our engine, all sessions in one batch."""

    def __init__(self, terms: Terms) -> None:
        self.engine = LlamaEngine(
            terms.path,
            threads=terms.threads,
            gpu_layers=terms.gpu_layers,
            context_tokens=terms.session_tokens * terms.sessions,
            max_streams=terms.sessions,
            session_tokens=terms.session_tokens,
            max_tokens=terms.reply_tokens,
            prefill_tokens=terms.prefill_tokens,
            streams_per_step=terms.sessions,
            sampling=GREEDY,
        )
        self.engine.load()
        self._replies: list[Reply] = []
        self._streams = [self.engine.open(self._hear(place)) for place in range(terms.sessions)]
        self._generations = count(1)

    def prepare(self, chats: Sequence[Chat]) -> None:
        """Read conversations ahead, as happens while people speak."""
        for stream, chat in zip(self._streams, chats, strict=False):
            stream.prepare(chat)
        self._drive()

    def ask(self, chats: Sequence[Chat]) -> list[Reply]:
        """Let the first sessions ask at once; return their replies."""
        self._replies = [Reply(time.perf_counter()) for _ in chats]
        for stream, chat in zip(self._streams, chats, strict=False):
            stream.generate(next(self._generations), chat, 0.0)
        self._drive()
        return self._replies

    def _hear(self, place: int) -> Callable[[LlmEvent], None]:
        def hear(event: LlmEvent) -> None:
            if isinstance(event, Token):
                self._replies[place].take(event.text)

        return hear

    def _drive(self) -> None:
        while (batch := self.engine.pending(0.0)) is not None:
            self.engine.deliver(batch, self.engine.run(batch))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.engine.close()


class Theirs:
    """llama.cpp's own Python class, one session after the other. It keeps what two prompts in a row have in common."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._vocabulary = LlamaModel(terms.path, vocabulary_only=True)
        self._template = ChatTemplate(self._vocabulary)
        self._llama = Llama(
            str(terms.path),
            n_ctx=terms.session_tokens,
            n_threads=terms.threads,
            n_threads_batch=terms.threads,
            n_gpu_layers=terms.gpu_layers,
            flash_attn=terms.gpu_layers != 0,
            verbose=False,
        )

    def forget(self) -> None:
        """Drop everything read so far."""
        self._llama.reset()  # type: ignore[no-untyped-call]

    def ask(self, chats: Sequence[Chat]) -> list[Reply]:
        """Serve the sessions, which all ask now, one after the other."""
        asked = time.perf_counter()
        replies = []
        for chat in chats:
            replies.append(Reply(asked))
            for token in islice(self._tokens(chat), self._terms.reply_tokens):
                replies[-1].take(self._vocabulary.piece(token).decode("utf-8", "ignore"))
        return replies

    def _tokens(self, chat: Chat) -> Iterator[int]:
        return iter(self._llama.generate(self._template.prompt(chat).tokens, top_k=1, temp=0.0, repeat_penalty=1.0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._llama.close()
        self._vocabulary.close()
