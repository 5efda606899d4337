"""Long random walks: whatever sessions do in whatever order, each reply is what a fresh context would say."""

import random
from pathlib import Path

import pytest
from llama_talk import NO_MERGES, SYSTEM, THINKING, Caller, Oracle, agent, drive, loaded, step, tiny, user

from benchmarks.dummies.gguf_shape import Kind
from voiceagent.engines.contract import HOLD, Need
from voiceagent.engines.llm.contract import Completed, Message
from voiceagent.engines.llm.llama.engine import LlamaEngine

WORDS = ["the", "sea", "is", "a", "hello", "shell", "of", "yellow", "light", "and", "you", "said", "well", "or", "hell"]
OPERATIONS = 300
LENGTH = 12


class Walker:
    """One person who talks at random, and checks what is answered."""

    def __init__(self, engine: LlamaEngine, oracle: Oracle, rng: random.Random) -> None:
        self._engine, self._oracle, self._rng = engine, oracle, rng
        self.checked = self.thoughtful = 0
        self._thought: list[int] = []
        self._generation = 0
        self._meet()

    def _meet(self) -> None:
        self._caller = Caller(self._engine)
        self._history: list[Message] = [self._rng.choice((SYSTEM, Message("system", "You are a pirate.")))]
        self._asked: tuple[Message, ...] = ()

    def act(self) -> None:
        often = (self._ask, self._ask_more, self._release)
        now_and_then = (self._cancel, self._prepare, self._speak, self._hold, self._trim, self._leave)
        self._rng.choice(often * 2 + now_and_then)()

    def _say(self) -> str:
        return " ".join(self._rng.choices(WORDS, k=self._rng.randint(1, 8)))

    def _ask(self) -> None:
        self._listen()
        self._generate((*self._history, user(self._say())))

    def _ask_more(self) -> None:
        """The user goes on talking: a guess at the reply is replaced by another."""
        self._listen()
        if self._asked:
            self._generate((*self._asked[:-1], user(f"{self._asked[-1].content} {self._say()}")))

    def _generate(self, messages: tuple[Message, ...]) -> None:
        self._generation += 1
        self._asked = messages
        deadline, need = self._rng.uniform(1, 5), self._rng.choice(list(Need))
        self._thought = self._caller.stream._thinking.about(messages)
        self._caller.stream.generate(self._generation, messages, deadline, need=need)

    def _cancel(self) -> None:
        self._listen()
        self._caller.stream.cancel(self._generation)
        if self._asked and (text := self._caller.text(self._generation)):
            heard = text[: self._rng.randint(1, len(text))]
            self._history = [*self._asked, agent(heard)]
        self._asked = ()

    def _prepare(self) -> None:
        self._caller.stream.prepare(tuple(self._history))

    def _speak(self) -> None:
        """The user begins to speak, and soon has said what to reply to."""
        self._cancel()
        words = self._say()
        for _ in range(3):
            self._caller.stream.prepare((*self._history, user(words)))
            for _ in range(self._rng.randint(0, 12)):
                step(self._engine)
            words += f" {self._say()}"
        self._generate((*self._history, user(words)))

    def _hold(self) -> None:
        self._caller.stream.reschedule(self._generation, HOLD)

    def _release(self) -> None:
        self._caller.stream.reschedule(self._generation, self._rng.uniform(1, 5))

    def _trim(self) -> None:
        self._history = [self._history[0], *self._history[3:]]

    def _leave(self) -> None:
        self._caller.stream.close()
        self._meet()

    def _listen(self) -> None:
        """Check the reply if it is whole, and remember it as heard."""
        assert not self._caller.failures
        if self._asked and Completed(self._generation, "length") in self._caller.events:
            text = self._caller.text(self._generation)
            assert text == self._oracle.reply(*self._asked, count=LENGTH, thought=self._thought)
            self.checked += 1
            self.thoughtful += bool(self._thought)
            self._history = [*self._asked, agent(text)]
            self._asked = ()
        if len(self._history) > 7:
            self._trim()

    def leave(self) -> None:
        self._release()
        drive(self._engine)
        self._listen()
        self._caller.stream.close()


@pytest.mark.parametrize("thinking_tokens", [0, 8])
@pytest.mark.parametrize(("together", "context_tokens"), [(1, 2048), (3, 2048), (1, None)])
@pytest.mark.parametrize("kind", ["plain", "hybrid"])
def test_a_long_walk_gives_the_replies_of_a_fresh_context_and_leaks_nothing(
    kind: Kind, together: int, context_tokens: int | None, thinking_tokens: int, tmp_path: Path
) -> None:
    path = tiny(tmp_path, kind, template=THINKING, **NO_MERGES)
    engine = loaded(
        path,
        session_tokens=2000,
        context_tokens=context_tokens,  # None: each stream in a context of its own
        max_tokens=LENGTH,
        thinking_tokens=thinking_tokens,
        max_streams=3,
        streams_per_step=together,
    )
    oracle = Oracle(path)
    rng = random.Random(0)
    walkers = [Walker(engine, oracle, rng) for _ in range(3)]
    for _ in range(OPERATIONS):
        rng.choice(walkers).act()
        for _ in range(rng.randint(0, 12)):
            step(engine)
    for walker in walkers:
        walker.leave()
    assert sum(walker.checked for walker in walkers) > OPERATIONS / 10
    assert (sum(walker.thoughtful for walker in walkers) > OPERATIONS / 60) == bool(thinking_tokens)
    last = Caller(engine)
    last.stream.generate(1, (SYSTEM, user("a" * 1900)), 1.0)  # nearly all of the memory is free again
    drive(engine)
    assert last.ended(1), last.events
    engine.close()
    oracle.close()
