"""The agent's side of a session: makes, releases and ends the responses that the machine asks for.

It passes what language model and voice make on to the response under way, and puts what was heard of it into the
history. It decides nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.llm.contract import LlmEvent, Message
from voiceagent.engines.tts.contract import TtsEvent
from voiceagent.session.config import ConversationConfig
from voiceagent.session.effects import Respond, ResponseKind
from voiceagent.session.events import Outcome
from voiceagent.session.heard import HeardWords
from voiceagent.session.history import History
from voiceagent.session.items import response_item, turn_item
from voiceagent.session.repetition import Said, SaidBefore
from voiceagent.session.reports import (
    AgentPaused,
    AgentResumed,
    Report,
    ResponseEnded,
    ResponseStarted,
    TurnTraced,
    UserTurnEnded,
)
from voiceagent.session.response import ResponseRun
from voiceagent.session.snapshot import Answer
from voiceagent.session.state import Response
from voiceagent.session.streams import Streams
from voiceagent.session.turns import TurnLog
from voiceagent.tools.toolbox import Chosen
from voiceagent.trace.log import conversation

log = logging.getLogger(__name__)

ANSWERS = (ResponseKind.REPLY, ResponseKind.ASK_BACK)
"""What ends a turn by itself."""


@dataclass(frozen=True, slots=True)
class Own:
    """A configuration that one response has to itself."""

    config: ConversationConfig
    tools: Chosen


class Responses:
    """One session's responses, of which at most one is live. `failed` gets its generation, the lane, and the error,
    `read` the generation of one that is not spoken, and whether that was all of it."""

    def __init__(
        self,
        session: str,
        streams: Streams,
        history: History,
        turns: TurnLog,
        report: Callable[[Report], None],
        count_tokens: Callable[[tuple[Message, ...]], int],
        failed: Callable[[int, str, Exception | None], None],
        read: Callable[[int, bool], None],
    ) -> None:
        self.streams = streams
        """What the next response is made with."""
        self._session = session
        self._history = history
        self._turns = turns
        self._report = report
        self._count_tokens = count_tokens
        self._failed = failed
        self._read = read
        self._heard = HeardWords(streams.playout, history)
        self._said = SaidBefore(history.items)
        self._other_than: tuple[Said, ...] = ()
        """What the answer to the last turn should not repeat, if nobody answered that by themselves."""
        self._live: ResponseRun | None = None
        self._turn = 0
        """The turn that the last released one answers."""

    @property
    def is_quiet(self) -> bool:
        """Whether none is being made or heard."""
        return self._live is None

    @property
    def answer(self) -> Answer | None:
        """The account of the response that is heard, or else of the last one."""
        return self._heard.answer(self._live)

    def begin(self, asked: Respond, at: float, config: ConversationConfig, own: Own | None = None) -> None:
        """Prepare a response; it is not heard before its release."""
        generation, streams = asked.generation, self.streams
        if own is not None:
            config = own.config
            streams = replace(streams, start_call=partial(own.tools.start, session=self._session))
        run = ResponseRun(
            generation,
            at,
            streams,
            config,
            self._report,
            on_failed=partial(self._failed, generation),
            on_read=partial(self._on_read, generation),
        )
        self._live = run
        match asked.kind:
            case ResponseKind.REPLY:
                run.think(self._history.with_user(asked.text), self._not_again(asked.text, config))
            case ResponseKind.PROMPTED:
                run.think(self.prompt(asked.text, own), self._other_than if config.avoid_repeats else ())
            case ResponseKind.SAID:
                run.say(asked.text)
            case ResponseKind.ASK_BACK:
                run.say(config.ask_back, remembered=False)
            case script:
                run.say(config.script(script))

    def _not_again(self, question: str, config: ConversationConfig) -> tuple[Said, ...]:
        return self._said.against(question, config.language) if config.avoid_repeats else ()

    def prompt(self, instructions: str, own: Own | None, messages: tuple[Message, ...] = ()) -> tuple[Message, ...]:
        """Return the conversation, or other messages, for the model to go on with; of an own one as much as fits."""
        asked = self._history.to_answer(instructions, messages)
        if own is None:
            return asked
        return self._history.under(own.config.system_prompt, own.tools.specs, own.config.budget_tokens, asked[1:])

    def note(self, turn: int, text: str, at: float, language: str) -> None:
        """Remember a turn that is over, and that nobody answers by themselves."""
        self._history.add_user(text, turn_item(turn))
        self._other_than = self._said.against(text, language)
        self._said.note_user(text)
        conversation("user", text, session=self._session, turn=turn)
        self._turns.noted(turn, text, at)

    def release(self, response: Response | None, turn: int, at: float) -> None:
        """Let it be heard; `response` is the machine's account of it, and `turn` the one that it answers."""
        assert self._live is not None
        self._turn = turn
        if response is not None and response.kind in ANSWERS:
            if response.kind is ResponseKind.REPLY:
                self._history.add_user(response.text, turn_item(turn))
                self._said.note_user(response.text)
            conversation("user", response.text, session=self._session, turn=turn)
            self._turns.released(turn, self._live, response.text, at)
        elif response is not None and response.kind is ResponseKind.PROMPTED:
            self._turns.prompted(turn, self._live, at)
            self._other_than = ()
        self._history.add_agent((), response_item(self._live.generation))
        if response is not None:
            if response.kind in ANSWERS:
                self._report(UserTurnEnded(turn, response.text))
            self._report(ResponseStarted(response.generation, response.kind, response.request))
        self._live.release()

    def end(self, generation: int, outcome: Outcome, at: float) -> bool:
        """Stop it, and remember what was heard of it; return whether it was released at all."""
        run, self._live = self._live, None
        assert run is not None
        run.end(self._history.answer)
        if not run.released:
            self.streams.playout.drop(generation)
            self._turns.dropped()
            return False
        text, words = self._heard.remember(run, outcome)
        if outcome is Outcome.COMPLETED:
            self._said.note_agent(text)
        conversation("agent", text, session=self._session, turn=self._turn)
        usage = run.tally.usage(self._count_tokens)
        self._report(ResponseEnded(generation, outcome, words, text, run.cut, usage))
        if (trace := self._turns.ended(run, outcome, text, at)) is not None:
            self._report(TurnTraced(trace))
        return True

    def pause(self, generation: int) -> None:
        """Fall silent at once."""
        self.streams.playout.pause()
        self._report(AgentPaused(generation))

    def resume(self, generation: int) -> None:
        """Go on where it fell silent: it was a false interruption."""
        self.streams.playout.resume()
        self._turns.false_interruption()
        self._report(AgentResumed(generation))

    def limit(self, generation: int, ms: float) -> None:
        """Count no more than the first `ms` of the live response as heard when it ends."""
        self._heard.limit(generation, ms)

    def correct(self, generation: int, ms: float) -> bool:
        """Remember no more than the first `ms` of the last response, which has ended; return whether it could."""
        return self._heard.correct(generation, ms)

    def on_llm(self, event: LlmEvent) -> bool:
        """Take what the language model made; return whether it was for the live response."""
        if (run := self._of(event)) is None:
            return False
        try:
            run.on_llm(event)
        except Exception as error:  # a text that cannot be turned into speech
            log.exception("a language model's event could not be used", extra=self._fields(run))
            self._failed(run.generation, "llm", error)
        return True

    def on_tts(self, event: TtsEvent) -> None:
        """Take what the voice made."""
        if (run := self._of(event)) is None:
            return
        try:
            run.on_tts(event)
        except Exception as error:  # sound that the playout refuses: samples that are no numbers
            log.exception("a voice's event could not be used", extra=self._fields(run))
            self._failed(run.generation, "tts", error)

    def _on_read(self, generation: int, whole: bool) -> None:
        if not whole:
            self._turns.first_packet(generation, asyncio.get_running_loop().time())
        self._read(generation, whole)

    def _fields(self, run: ResponseRun) -> dict[str, object]:
        return {"session": self._session, "generation": run.generation}

    def _of(self, event: LlmEvent | TtsEvent) -> ResponseRun | None:
        generation = event.tag if isinstance(event, StreamFailed) else event.generation
        return self._live if self._live is not None and self._live.generation == generation else None
