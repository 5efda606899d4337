"""The coordinator of one session: the single writer of its state.

It turns what engines, playout and door report into events, feeds them to the machine in order, and carries out the
effects. Everything happens on the event loop in short calls; there is no task to leak. A door calls `open`, `hear`,
`pull`, `type`, `stop_speaking` and `close`, and gets reports for people through `on_report` (`session/reports.py`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.playout import Playout
from voiceagent.audio.speech import Drained, SegmentStarted, WordHeard
from voiceagent.engines.asr.contract import SAMPLE_RATE, AsrEngine, AsrEvent, Transcript
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.llm.contract import LlmEngine, LlmEvent
from voiceagent.engines.tts.contract import TtsEngine, TtsEvent
from voiceagent.engines.turn.contract import WINDOW_S, TurnEngine, TurnEvent, TurnPrediction
from voiceagent.engines.vad.contract import VadEngine, VadEvent
from voiceagent.errors import VoiceAgentError
from voiceagent.scheduler.watchdog import StuckError
from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.config import ConversationConfig
from voiceagent.session.endpointing import Endpointer
from voiceagent.session.history import History
from voiceagent.session.machine import step
from voiceagent.session.reports import (
    AgentPaused,
    AgentResumed,
    FloorChanged,
    Report,
    ResponseEnded,
    SessionClosed,
    SessionOpened,
    TurnTraced,
    UserText,
    engine_failed,
)
from voiceagent.session.response import ResponseRun, Streams
from voiceagent.session.state import State
from voiceagent.session.turns import TurnLog
from voiceagent.tools.toolbox import Toolbox
from voiceagent.trace.log import conversation

log = logging.getLogger(__name__)

WINDOW_SAMPLES = int(WINDOW_S * SAMPLE_RATE)
TELL_AGAIN_S = 1.0
"""A lane that fails at every step does so thirty times a second; people are told once in a while."""


class UnusableError(VoiceAgentError):
    """A model gave something that is no result."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The loaded models; `turn` is None where plain silence ends a turn."""

    asr: AsrEngine
    llm: LlmEngine
    tts: TtsEngine
    vad: VadEngine
    turn: TurnEngine | None


class Session:
    """One connected person, from connect to hang-up."""

    def __init__(
        self,
        session_id: str,
        engines: Engines,
        config: ConversationConfig,
        turns: TurnLog,
        on_report: Callable[[Report], None],
        tools: Toolbox,
    ) -> None:
        self.id = session_id
        self.playout = Playout(engines.tts.sample_rate)
        self._config = config
        self._report = on_report
        self._turns = turns
        self._state = State(config.rules)
        self._queue: deque[ev.Event] = deque()
        self._timers: dict[ev.Timer, asyncio.TimerHandle] = {}
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time()
        """When the event happened whose effects are being carried out."""
        self._told: dict[str, float] = {}
        """When the user was last told of an engine's failure."""
        self._endpointer = Endpointer(config.thresholds)
        self._heard: deque[NDArray[np.float32]] = deque()
        self._heard_samples = 0
        self._response: ResponseRun | None = None
        self._history = History(
            config.system_prompt, config.budget_tokens, config.max_turns, engines.llm.count_tokens, tools.specs
        )
        with ExitStack() as opened:  # an engine that has no place left: what the others gave is given back
            self._asr = engines.asr.open(self._on_asr)
            opened.callback(self._asr.close)
            self._llm = engines.llm.open(self._on_llm)
            opened.callback(self._llm.close)
            self._tts = engines.tts.open(self._on_tts)
            opened.callback(self._tts.close)
            self._vad = engines.vad.open(self._on_vad)
            opened.callback(self._vad.close)
            self._turn = engines.turn.open(self._on_turn) if engines.turn else None
            opened.pop_all()
        self._open_vad = partial(engines.vad.open, self._on_vad)
        self._streams = Streams(self._llm, self._tts, self.playout, partial(tools.start, session=session_id))

    @property
    def streams(self) -> set[tuple[str, int]]:
        """Lanes and numbers of this session's streams, as batches name them."""
        streams = {
            ("asr", self._asr.number),
            ("llm", self._llm.number),
            ("tts", self._tts.number),
            ("vad", self._vad.number),
        }
        return streams | {("turn", self._turn.number)} if self._turn else streams

    @property
    def state(self) -> State:
        """The machine's state, to look at."""
        return self._state

    def open(self) -> None:
        """The door is open: greet, and listen."""
        self._report(SessionOpened())
        self._llm.prepare(self._history.messages)
        self._post(ev.Opened(self._loop.time()))

    def hear(self, pcm: NDArray[np.float32]) -> None:
        """Take what the user's microphone heard: 16 kHz mono float32, in order, silence included."""
        if self._state.closed:
            return
        self._heard.append(pcm)
        self._heard_samples += len(pcm)
        while self._heard_samples - len(self._heard[0]) >= WINDOW_SAMPLES:
            self._heard_samples -= len(self._heard.popleft())
        self._asr.push(pcm)
        self._vad.push(pcm, self._loop.time())

    def pull(self) -> NDArray[np.float32]:
        """Give the next 20 ms for the listener, at the TTS engine's sample rate."""
        frame = self.playout.pull()
        for event in self.playout.drain_events():
            match event:
                case SegmentStarted(generation, 0):
                    self._turns.first_packet(generation, self._loop.time())
                    self._post(ev.PlayoutStarted(self._loop.time(), generation))
                case WordHeard():
                    self._report(event)
                case Drained(generation):
                    self._post(ev.PlayoutFinished(self._loop.time(), generation))
        return frame

    def type(self, text: str) -> None:
        """The user wrote something."""
        self._post(ev.Typed(self._loop.time(), text))

    def stop_speaking(self) -> None:
        """The user pressed the button that silences the agent."""
        self._post(ev.StopRequested(self._loop.time()))

    def close(self) -> None:
        """The door is shut: end everything. Safe to call twice."""
        if self._state.closed:
            return
        was_open = self._state.open
        self._post(ev.Closed(self._loop.time()))
        if was_open:
            self._report(SessionClosed())
        with ExitStack() as closing:  # all of them, whatever one of them raises
            for stream in (self._asr, self._llm, self._tts, self._vad, self._turn):
                if stream is not None:
                    closing.callback(stream.close)

    # What the engines report

    def _on_vad(self, event: VadEvent) -> None:
        if isinstance(event, StreamFailed):
            self._engine_failed("vad", event.error)
        elif not 0 <= event.probability <= 1:
            self._engine_failed("vad", UnusableError(f"a probability of {event.probability}"))
            self._vad.close()  # a recurrent state that is not a number stays so
            self._vad = self._open_vad()
        elif (change := self._endpointer.feed(event)) is not None:
            if isinstance(change, ev.SpeechStarted):
                self._asr.begin_speech()
            elif isinstance(change, ev.SpeechPaused):
                self._turns.silence(change.at - self._endpointer.silent_s, change.at)
            self._post(change)

    def _on_asr(self, event: AsrEvent) -> None:
        now = self._loop.time()
        match event:
            case Transcript(text, None):
                self._post(ev.PartialTranscript(now, text))
            case Transcript(text, fork) if fork is not None:
                self._turns.mark("transcript_final", now)
                self._post(ev.FinalTranscript(now, fork, text))
            case StreamFailed(fork, error):
                self._engine_failed("asr", error)
                self._post(ev.FinalTranscript(now, fork, "", failed=True))

    def _on_turn(self, event: TurnEvent) -> None:
        now = self._loop.time()
        match event:
            case TurnPrediction(_, probability) if not 0 <= probability <= 1:
                self._engine_failed("turn", UnusableError(f"a probability of {probability}"))
            case TurnPrediction(fork, probability):
                self._post(ev.TurnJudged(now, fork, probability))
            case StreamFailed(_, error):
                self._engine_failed("turn", error)  # the end-of-turn timer ends the turn

    def _on_llm(self, event: LlmEvent) -> None:
        generation = event.tag if isinstance(event, StreamFailed) else event.generation
        if self._response is not None and self._response.generation == generation:
            try:
                self._response.on_llm(event)
            except Exception as error:  # a text that nothing here can make speech of
                log.exception("a language model's event could not be used", extra={"session": self.id})
                self._on_response_failed(generation, "llm", error)
        elif isinstance(event, StreamFailed):
            self._engine_failed("llm", event.error)

    def _on_tts(self, event: TtsEvent) -> None:
        generation = event.tag if isinstance(event, StreamFailed) else event.generation
        if self._response is None or self._response.generation != generation:
            return
        try:
            self._response.on_tts(event)
        except Exception as error:  # sound that the playout refuses: samples that are no numbers
            log.exception("a voice's event could not be used", extra={"session": self.id})
            self._on_response_failed(generation, "tts", error)

    def _on_response_failed(self, generation: int, engine: str, error: Exception | None) -> None:
        if error is not None:
            self._engine_failed(engine, error)
        self._post(ev.ResponseFailed(self._loop.time(), generation))

    def _engine_failed(self, engine: str, error: Exception) -> None:
        self._turns.engine_failed(engine)
        now = self._loop.time()
        if now - self._told.get(engine, -TELL_AGAIN_S) >= TELL_AGAIN_S:
            self._told[engine] = now
            log.error("%s failed: %s", engine, error, extra={"session": self.id, "engine": engine})
            self._report(engine_failed(engine, stuck=isinstance(error, StuckError)))

    # The machine, and what it wants done

    def _post(self, event: ev.Event) -> None:
        """Queue the event; whoever is first in works the queue off, so that effects never nest."""
        self._queue.append(event)
        if len(self._queue) > 1:
            return
        while self._queue:
            self._now = self._queue[0].at
            self._state, effects = step(self._state, self._queue[0])
            for effect in effects:
                try:
                    self._carry_out(effect)
                except Exception as error:  # an engine that refuses; the session must not end half-way in its queue
                    self._give_up(effect, error)
            self._queue.popleft()

    def _give_up(self, effect: fx.Effect, error: Exception) -> None:
        """Report what could not be carried out, as the failure that the machine knows how to go on from."""
        log.error("cannot carry out %s", type(effect).__name__, exc_info=error, extra={"session": self.id})
        match effect:
            case fx.Respond(generation) | fx.Release(generation):
                self._on_response_failed(generation, "session", error)
            case fx.Finalise(fork):
                self._engine_failed("asr", error)
                self._post(ev.FinalTranscript(self._loop.time(), fork, "", failed=True))
            case _:
                self._engine_failed("session", error)

    def _carry_out(self, effect: fx.Effect) -> None:
        match effect:
            case fx.Finalise(fork):
                self._asr.finalise(fork, self._now)
            case fx.Judge(fork):
                if self._turn is not None:
                    audio = np.concatenate(self._heard)[-WINDOW_SAMPLES:]
                    self._turn.predict(fork, audio, self._now)
            case fx.CommitAudio():
                self._asr.commit()
            case fx.Respond():
                self._respond(effect)
            case fx.Release(generation):
                self._release(generation)
            case fx.Pause(generation):
                self.playout.pause()
                self._report(AgentPaused(generation))
            case fx.Resume(generation):
                self.playout.resume()
                self._turns.false_interruption()
                self._report(AgentResumed(generation))
            case fx.End(generation, outcome):
                self._end(generation, outcome)
            case fx.SetTimer(timer, delay_s):
                self._cancel_timer(timer)
                self._timers[timer] = self._loop.call_later(delay_s, self._fire, timer)
            case fx.CancelTimer(timer):
                self._cancel_timer(timer)
            case fx.ShowFloor(holder):
                self._report(FloorChanged(holder))
            case fx.ShowUser(turn, text, final):
                self._report(UserText(turn, text, final))

    def _respond(self, effect: fx.Respond) -> None:
        run = ResponseRun(
            effect.generation,
            self._now,
            self._streams,
            self._config,
            self._report,
            on_failed=partial(self._on_response_failed, effect.generation),
        )
        self._response = run
        if effect.kind is fx.Kind.REPLY:
            run.think(self._history.with_user(effect.text))
        else:
            run.say(self._config.scripts[effect.kind])

    def _release(self, generation: int) -> None:
        assert self._response is not None
        response = self._state.response
        if response is not None and response.kind is fx.Kind.REPLY:
            self._history.add_user(response.text)
            conversation("user", response.text, session=self.id)
            self._turns.released(self._state.turn - 1, self._response, response.text, self._now)
        self._response.release()

    def _end(self, generation: int, outcome: ev.Outcome) -> None:
        run, self._response = self._response, None
        assert run is not None
        run.end(self._history.answer)
        if not run.released:
            self.playout.drop(generation)
            self._turns.dropped()
            return
        heard = {part.segment: len(part.words) for part in self.playout.stop(generation).segments}
        text = run.heard_text(heard)
        self._history.add_agent(run.remembered(heard))
        self._history.trim()
        conversation("agent", text, session=self.id)
        self._report(ResponseEnded(generation, outcome, sum(heard.values()), text))
        if (trace := self._turns.ended(run, outcome, text, self._loop.time())) is not None:
            self._report(TurnTraced(trace))
        if not self._state.closed:
            self._llm.prepare(self._history.messages)

    def _fire(self, timer: ev.Timer) -> None:
        self._timers.pop(timer, None)
        self._post(ev.TimerFired(self._loop.time(), timer))

    def _cancel_timer(self, timer: ev.Timer) -> None:
        if (handle := self._timers.pop(timer, None)) is not None:
            handle.cancel()
