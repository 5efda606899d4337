"""A conversation as data: enough to go on with it in another session, of this process or of another.

A snapshot is what would be remembered if the line broke at that moment. The word that was sounding then is not counted
as heard: it is said again, and after it all that was still to come. Frozen, and plain data throughout, so that it can
be kept as JSON (`dumps`, `loads`). Pure.
"""

from dataclasses import dataclass, replace

from pydantic import TypeAdapter, ValidationError

from voiceagent.engines.llm.contract import Message
from voiceagent.errors import VoiceAgentError
from voiceagent.session.effects import ResponseKind
from voiceagent.session.events import Outcome
from voiceagent.session.history import History
from voiceagent.session.items import Item, Past, response_item, turn_item
from voiceagent.session.meaning import has_content
from voiceagent.session.segment import Segment, heard_of
from voiceagent.session.state import State, Wish


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment of a response."""

    text: str
    """As the model wrote it."""
    words: tuple[str, ...]
    """As they are spoken."""
    reply: int | None
    """Which of the response's replies it belongs to; None for what the model did not write."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The account of a response: the one that is heard, or else the last one."""

    generation: int
    pieces: tuple[Piece, ...]
    heard: tuple[int, ...]
    """How many words of each piece were heard."""
    messages: tuple[Message, ...]
    """What is remembered of it: what was heard, calls of tools, and their results."""
    outcome: Outcome | None
    """How it ended; None while it is heard."""
    whole: bool
    """All of its text is there."""

    def up_to(self, piece: int, words: int) -> "Answer":
        """Return it as it would be had no more been heard than the first `words` of a piece, and all before it."""
        counts = (*(len(each.words) for each in self.pieces[:piece]), words, *[0] * len(self.pieces))
        return self._counted(tuple(map(min, counts, (len(each.words) for each in self.pieces))))

    @property
    def without_last(self) -> "Answer":
        """It as it would be if the last word had not been heard: a line breaks in the middle of a word."""
        last = max((at for at, count in enumerate(self.heard) if count), default=None)
        return self if last is None else self.up_to(last, self.heard[last] - 1)

    @property
    def rest(self) -> str:
        """What was not heard of it."""
        parts: list[str] = []
        for piece, heard in zip(self.pieces, self.heard, strict=True):
            if not heard:
                parts.append(piece.text)
            elif heard < len(piece.words):
                parts.append(f"{' '.join(piece.words[heard:])} ")
        return "".join(parts).strip()

    def _counted(self, heard: tuple[int, ...]) -> "Answer":
        pieces = [Segment(each.text, "", each.reply, list(each.words), audio_done=True) for each in self.pieces]
        texts = {reply: text for reply, text in heard_of(pieces, dict(enumerate(heard))) if reply is not None}
        said: list[Message] = []
        rounds = 0
        for message in self.messages:
            if message.calls:
                said.append(replace(message, content=texts.get(rounds, "")))
                rounds += 1
            elif message.role == "tool":
                said.append(message)
        last = texts.get(rounds, "")
        messages = (*said, *([Message("assistant", last)] if last else []))
        return replace(self, heard=heard, messages=messages)


@dataclass(frozen=True, slots=True)
class Place:
    """How far a client says that it has heard: a word of a segment (both from 0) of a response."""

    generation: int
    segment: int
    word: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One conversation."""

    session: str
    """Its name, which it keeps."""
    past: Past
    """What is remembered, the answer that is being heard included."""
    turn: int
    generation: int
    pause_s: float = 0.0
    """How long this user pauses in mid-turn, learned; 0 while unknown."""
    saying: str = ""
    """What the user was saying, as far as it was understood; nobody has answered it."""
    unanswered: bool = False
    """The model was still writing its answer to the last turn, or had not begun."""
    answers: bool = True
    """Whether turns are answered by themselves."""
    wishes: tuple[Wish, ...] = ()
    """What waits to be said unasked, but for what had a configuration of its own."""
    answer: Answer | None = None

    @property
    def items(self) -> tuple[Item, ...]:
        """What was said, in order, as people are shown it; without what tools were asked and answered."""
        return tuple(item for item in self.past.items if item.text)

    def heard_until(self, place: Place) -> "Snapshot":
        """Return it as it is if the client has heard just that: what was sent later, no one heard, and what this
        snapshot is too old to know of, the client knows. A place beyond the last word is behind all of it.
        """
        answer = self.answer
        if answer is None or answer.outcome in _ENDED:
            return self
        if place.generation > answer.generation:
            piece, words = len(answer.pieces), 0
        else:
            piece, words = (place.segment, place.word + 1) if place.generation == answer.generation else (0, 0)
        heard = answer.up_to(piece, words)
        over = not heard.rest and (answer.outcome is Outcome.COMPLETED or place.generation > answer.generation)
        return self._with(replace(heard, outcome=Outcome.COMPLETED if over else None))

    def restore(self, state: State, history: History) -> State:
        """Put the past into a new session's history, and return its state: what was not heard is said first."""
        broken = self.answer is not None and self.answer.outcome is None
        kept = self._with(self.answer.without_last) if broken and self.answer is not None else self
        history.recall(kept.past)
        rest = kept.answer.rest if kept.answer is not None and broken and not self.saying else ""
        turn, wishes = self.turn, self.wishes
        if self.unanswered or (self.saying and self.answers):
            wishes = (Wish(ResponseKind.PROMPTED, ""), *wishes)
        if rest:
            wishes = (Wish(ResponseKind.SAID, rest), *wishes)
        if self.saying:
            history.add_user(self.saying, turn_item(turn))
            turn += 1
        rules = replace(state.rules, greet=False)
        return replace(state, rules=rules, turn=turn, generation=self.generation, pause_s=self.pause_s, wishes=wishes)

    def _with(self, answer: Answer) -> "Snapshot":
        return replace(self, answer=answer, past=replace(self.past, items=_filled(self.past.items, answer)))


_ENDED = (Outcome.INTERRUPTED, Outcome.FAILED, Outcome.CANCELLED)
_AS_JSON = TypeAdapter(Snapshot)


def snapshot(session: str, state: State, history: History, answer: Answer | None) -> Snapshot:
    """Return a conversation as it stands."""
    past, response = history.past, state.response
    if answer is not None and answer.outcome is None:
        past = replace(past, items=_filled(past.items, answer))
    answering = response is not None and response.released
    written = answer is not None and answer.outcome is None and answer.whole
    return Snapshot(
        session,
        past,
        state.turn,
        state.generation,
        state.pause_s,
        saying=state.shown if not state.rules.manual and has_content(state.shown, state) else "",
        unanswered=answering and response is not None and response.kind in _WRITTEN and not written,
        answers=state.rules.answer,
        wishes=tuple(wish for wish in state.wishes if not wish.request or wish.kind is ResponseKind.SAID),
        answer=answer,
    )


def dumps(kept: Snapshot) -> bytes:
    """Return a snapshot as JSON."""
    return _AS_JSON.dump_json(kept)


def loads(text: bytes) -> Snapshot:
    """Return the snapshot that `dumps` wrote. Raises VoiceAgentError for anything else."""
    try:
        return _AS_JSON.validate_json(text)
    except ValidationError as error:
        raise VoiceAgentError(
            "A kept conversation cannot be read: it was written by another version, or is damaged. It is left out."
        ) from error


_WRITTEN = (ResponseKind.REPLY, ResponseKind.PROMPTED)
"""What the model writes; all else is given."""


def _filled(items: tuple[Item, ...], answer: Answer) -> tuple[Item, ...]:
    name = response_item(answer.generation)
    return tuple(replace(item, messages=answer.messages) if item.id == name else item for item in items)
