"""Noticing that the agent repeats itself, or the user: a reply that begins so, before any of it is heard. Pure.

A small model, and a large one with a poor history, may answer a new question with an old answer; once it has, the
history shows it that this is how answers look, and it goes on so. Samplers (DRY) make it rarer where an engine has
them; this works with any engine.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from voiceagent.engines.llm.contract import Message
from voiceagent.session.items import Item
from voiceagent.text import asks_again, normalise

RUN = 6
"""Words in a row that two replies do not share by chance."""
PHRASE = 3
"""A whole reply of fewer words ("Yes, please.") may be said as often as it is true."""
REMEMBERED = 64
"""Replies and questions of a call that are compared."""


@dataclass(frozen=True)
class Said:
    """An earlier reply, as it was heard."""

    text: str

    @cached_property
    def words(self) -> list[str]:
        """Its words, for comparison."""
        return normalise(self.text).split()

    @cached_property
    def runs(self) -> frozenset[tuple[str, ...]]:
        """All runs of RUN words in it."""
        return frozenset(_runs(self.words))


class SaidBefore:
    """What was said in one session, also what has fallen out of its history."""

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._replies: deque[Said] = deque(maxlen=REMEMBERED)
        self._questions: deque[str] = deque(maxlen=REMEMBERED)
        for item in items:
            if item.role == "assistant":
                self.note_agent(item.text)
            else:
                self.note_user(item.text)

    def note_agent(self, text: str) -> None:
        """Record what was heard of a reply."""
        if text:
            self._replies.append(Said(text))

    def note_user(self, text: str) -> None:
        """Record what the user said."""
        self._questions.append(normalise(text))

    def against(self, question: str, language: str) -> tuple[Said, ...]:
        """Return the replies that should not come again in answer to this; none if the user wants to hear one again."""
        if asks_again(question, language) or normalise(question) in self._questions:
            return ()
        return tuple(self._replies)


class Opening:
    """Holds back how a reply begins until it is known not to be an earlier one, nor the question that it answers."""

    def __init__(self, earlier: tuple[Said, ...], question: str = "") -> None:
        self._earlier = earlier
        self._question = normalise(question).split()
        self._held: list[str] = []
        self.culprit = ""
        """The earlier reply, or the question, that this reply repeats."""

    def judge(self, segments: list[str], *, whole: bool) -> list[str]:
        """Take more of the reply and return what may be spoken: nothing while in doubt, or if it has a `culprit`."""
        if not segments and not whole:
            return []  # a token that completes no segment
        self._held += segments
        words = normalise(" ".join(self._held)).split()
        runs, echoed = set(_runs(words)), self._question[: len(words)]
        doubtful = words == echoed and bool(words)
        if len(self._question) >= PHRASE and words[: len(self._question)] == self._question:
            self.culprit = " ".join(self._question)
            return []
        for said in self._earlier:
            if not runs.isdisjoint(said.runs) or (whole and words == said.words and len(words) >= PHRASE):
                self.culprit = said.text
                return []
            doubtful |= len(words) < RUN and said.words[: len(words)] == words
        if doubtful and not whole:
            return []
        passed, self._held = self._held, []
        return passed


def is_repeated(segment: str, earlier: Iterable[Said]) -> bool:
    """Return whether a sentence was said in one of these replies, word by word."""
    words = normalise(segment).split()
    runs = set(_runs(words))
    sentence = f" {' '.join(words)} "
    return bool(runs) and any(runs <= said.runs and sentence in f" {' '.join(said.words)} " for said in earlier)


def without(messages: tuple[Message, ...], culprit: str | None) -> tuple[Message, ...]:
    """Return a conversation without the turns in which this was said, or without any; its last turn stays."""
    *turns, last = _turns(messages)
    words = None if culprit is None else normalise(culprit)
    kept = [turn for turn in turns if not any(_has(message, words) for message in turn)]
    return tuple(message for turn in (*kept, last) for message in turn)


def _has(message: Message, words: str | None) -> bool:
    return message.role == "assistant" and (words is None or f" {words} " in f" {normalise(message.content)} ")


def _turns(messages: tuple[Message, ...]) -> Iterator[list[Message]]:
    """Split before each user message; what comes before the first one is a turn that nothing is said in."""
    turn: list[Message] = []
    for message in messages:
        if message.role == "user" and turn:
            yield turn
            turn = []
        turn.append(message)
    yield turn


def _runs(words: list[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1))
