"""The coordinator of one session: the single writer of its state.

It turns what engines, playout and door report into events, feeds them to the machine in order, and carries out the
effects. Everything happens on the event loop in short calls; there is no task to leak. A door calls `open`, `hear`,
`pull`, `type`, `stop_speaking` and `close`, and may `configure` it or have it `say` something or `respond`; it gets
reports for people through `on_report` (`session/reports.py`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.playout import Playout
from voiceagent.audio.speech import Drained, SegmentHeard, SegmentStarted, WordHeard
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.llm.contract import LlmEvent
from voiceagent.engines.tts.contract import TtsEvent
from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.config import ConversationConfig
from voiceagent.session.draft import is_idle
from voiceagent.session.engines import Engines
from voiceagent.session.failures import Failures
from voiceagent.session.history import History, pinned, unpinned
from voiceagent.session.machine import step
from voiceagent.session.noticed import noticed
from voiceagent.session.possible import require_possible
from voiceagent.session.recording import Recorder, Recording
from voiceagent.session.reports import (
    AgentPaused,
    AgentResumed,
    FloorChanged,
    Report,
    SessionClosed,
    SessionOpened,
    UserText,
)
from voiceagent.session.response import Streams
from voiceagent.session.responses import Responses
from voiceagent.session.state import State
from voiceagent.session.summary import SUMMARY, Summariser
from voiceagent.session.timers import Timers
from voiceagent.session.turns import TurnLog
from voiceagent.session.user_input import UserInput
from voiceagent.tools.toolbox import Chosen, Toolbox

log = logging.getLogger(__name__)


class Session:
    """One connected user, from connect to hang-up.

    Raises VoiceAgentError for an unsupported configuration, and when an engine has no place left.
    """

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
        self._require = partial(require_possible, engines=engines, toolbox=tools)
        chosen = self._require(config)
        self._config = config
        self._next: tuple[ConversationConfig, Chosen] | None = None
        """What `configure` asked for, until the turn under way is over."""
        self._report = on_report
        self._turns = turns
        self._state = State(config.rules_in_effect)
        self._queue: deque[ev.Event] = deque()
        self._loop = asyncio.get_running_loop()
        self._timers = Timers(lambda timer: self._post(ev.TimerFired(self._loop.time(), timer)))
        self._now = self._loop.time()
        """The time of the event whose effects are being carried out."""
        self._recordings: list[Recording] = []
        self._engine_failed = Failures(session_id, turns, on_report).tell
        self._history = History(
            config.system_prompt, config.budget_tokens, config.max_turns, engines.llm.count_tokens, chosen.specs
        )
        with ExitStack() as opened:  # an engine has no place left: free what the others gave
            self._input = UserInput(
                engines.asr, engines.vad, engines.turn, config.thresholds, turns, self._post, self._engine_failed
            )
            opened.callback(self._input.close)
            self._llm = engines.llm.open(self._on_llm)
            opened.callback(self._llm.close)
            self._tts = engines.tts.open(self._on_tts)
            opened.pop_all()
        streams = Streams(self._llm, self._tts, self.playout, partial(chosen.start, session=session_id))
        self._responses = Responses(session_id, streams, self._history, turns, on_report, self._on_response_failed)
        self._summariser = Summariser(self._llm, self._history, session_id)

    @property
    def streams(self) -> set[tuple[str, int]]:
        """Lanes and numbers of this session's streams, as batches name them."""
        return {*self._input.streams, ("llm", self._llm.number), ("tts", self._tts.number)}

    @property
    def state(self) -> State:
        """The machine's state, to look at."""
        return self._state

    @property
    def config(self) -> ConversationConfig:
        """How it behaves, or will from the next turn on; start from this to `configure` it."""
        return self._config if self._next is None else self._next[0]

    def open(self) -> None:
        """The door is open: greet, and listen."""
        self._report(SessionOpened())
        self._llm.prepare(self._history.messages)
        self._post(ev.Opened(self._loop.time()))

    def hear(self, pcm: NDArray[np.float32]) -> None:
        """Take what the user's microphone heard: 16 kHz mono float32, in order, silence included."""
        if not self._state.closed:
            for recording in self._recordings:
                recording.hear(pcm)
            self._input.hear(pcm)

    def pull(self) -> NDArray[np.float32]:
        """Return the next 20 ms for the listener, at the TTS engine's sample rate."""
        ahead_s = self.playout.unplayed_s
        frame = self.playout.pull()
        for recording in self._recordings:
            recording.pull(frame, ahead_s)
        self._on_playout()
        return frame

    def note_played(self) -> None:
        """Record what a listener who is sent audio ahead has played meanwhile (`audio/pacer.py`)."""
        self.playout.note_played()
        for recording in self._recordings:
            recording.note_played()
        self._on_playout()

    def listen_in(self, recorder: Recorder) -> None:
        """Give a recorder what the user is heard to say and what they are played, from now on until the end."""
        if not self._state.closed:
            self._recordings.append(Recording(recorder, self.playout, self.id))

    def heard_until(self, generation: int, ms: float) -> None:
        """A client reports how much of a response's audio it has played, and that it will play no more of it.

        The response under way is interrupted; of the last one, if it has ended, only that much is remembered (what was
        reported of its end stands). Older ones do not change.
        """
        live = self._state.response
        if live is not None and live.released and live.generation == generation:
            self._responses.limit(generation, ms)
            self._post(ev.StopRequested(self._loop.time()))
        elif self._responses.correct(generation, ms):
            self._prepare()

    def _on_playout(self) -> None:
        for event in self.playout.drain_events():
            match event:
                case SegmentStarted(generation, 0):
                    self._turns.first_packet(generation, self._loop.time())
                    self._post(ev.PlayoutStarted(self._loop.time(), generation))
                case WordHeard() | SegmentHeard():
                    self._report(event)
                case Drained(generation):
                    self._post(ev.PlayoutFinished(self._loop.time(), generation))

    def type(self, text: str) -> None:
        """The user wrote something."""
        self._post(ev.Typed(self._loop.time(), text))

    def stop_speaking(self) -> None:
        """The user pressed the button that silences the agent."""
        self._post(ev.StopRequested(self._loop.time()))

    def say(self, text: str, *, interrupt: bool = False) -> None:
        """Have the agent speak a text, which is remembered as far as it is heard.

        It waits until no one speaks and no answer is being made; with `interrupt` it comes at once, in place of what
        the agent says and of what the user has begun to say. A text without words is ignored.
        """
        self._post(ev.SayRequested(self._loop.time(), text, interrupt))

    def respond(self, instructions: str = "") -> None:
        """Have the model say something unasked, as soon as no one speaks and no answer is being made.

        The `instructions` are for this one reply: the model takes them as the user's words, and then forgets them.
        """
        self._post(ev.ReplyRequested(self._loop.time(), instructions))

    def configure(self, config: ConversationConfig) -> None:
        """Behave as `config` says from the next turn on.

        A turn under way is finished as it began: the change takes effect when its response has ended or it has come to
        nothing, and at once while no one speaks. The history stays; prompt and tools are the new ones.
        Raises VoiceAgentError, listing what is available, for an unsupported configuration; nothing changes then.
        """
        self._next = config, self._require(config, facts=self._history.facts)
        if is_idle(self._state) or not self._state.open:
            self._adopt()

    def pin(self, fact: str) -> None:
        """Tell the model a fact in every prompt from the next one on, whatever is dropped or configured meanwhile.

        Raises VoiceAgentError if prompt, tools and facts leave no room for a conversation; then it is not pinned.
        """
        facts = pinned(self._history.facts, fact)
        self._require(self.config, facts=facts)
        self._keep(facts)

    def unpin(self, fact: str) -> None:
        """No longer tell a fact that was pinned. Raises VoiceAgentError for another, listing those that are."""
        self._keep(unpinned(self._history.facts, fact))

    def close(self) -> None:
        """The door is shut: end everything. Safe to call twice."""
        if self._state.closed:
            return
        was_open = self._state.open
        self._post(ev.Closed(self._loop.time()))
        if was_open:
            self._report(SessionClosed())
        with ExitStack() as closing:  # all of them, even if one raises
            for part in (self._input, self._llm, self._tts):
                closing.callback(part.close)
            for recording in self._recordings:
                closing.callback(recording.close)
        self._recordings.clear()

    # What the engines report

    def _on_llm(self, event: LlmEvent) -> None:
        generation = event.tag if isinstance(event, StreamFailed) else event.generation
        if generation == SUMMARY:
            self._summariser.take(event)
        elif not self._responses.on_llm(event) and isinstance(event, StreamFailed):
            self._engine_failed("llm", event.error)

    def _on_tts(self, event: TtsEvent) -> None:
        self._responses.on_tts(event)

    def _on_response_failed(self, generation: int, engine: str, error: Exception | None) -> None:
        if error is not None:
            self._engine_failed(engine, error)
        self._post(ev.ResponseFailed(self._loop.time(), generation))

    # The machine and its effects

    def _post(self, event: ev.Event) -> None:
        """Queue the event; the outermost call drains the queue, so that effects never nest."""
        self._queue.append(event)
        if len(self._queue) > 1:
            return
        while self._queue:
            self._now = self._queue[0].at
            before = self._state
            self._state, effects = step(before, self._queue[0])
            for report in noticed(self._queue[0], before, self._state):
                self._report(report)
            for effect in effects:
                try:
                    self._carry_out(effect)
                except Exception as error:  # an engine that refuses; the session must not end half-way in its queue
                    self._give_up(effect, error)
            self._queue.popleft()
            if is_idle(self._state):
                self._adopt()
        self._summariser.proceed(self._config, quiet=is_idle(self._state))

    def _give_up(self, effect: fx.Effect, error: Exception) -> None:
        """Report an effect that failed, as a failure from which the machine can go on."""
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
                self._input.finalise(fork, self._now)
            case fx.Judge(fork):
                self._input.judge(fork, self._now)
            case fx.CommitAudio():
                self._input.commit()
            case fx.Respond():
                self._responses.begin(effect, self._now, self._config)
            case fx.Release():
                self._responses.release(self._state.response, self._state.turn - 1, self._now)
            case fx.Pause(generation):
                self.playout.pause()
                self._report(AgentPaused(generation))
            case fx.Resume(generation):
                self.playout.resume()
                self._turns.false_interruption()
                self._report(AgentResumed(generation))
            case fx.End(generation, outcome):
                if self._responses.end(generation, outcome, self._loop.time()):
                    self._adopt()
                    self._prepare()
            case fx.SetTimer(timer, delay_s):
                self._timers.set(timer, delay_s)
            case fx.CancelTimer(timer):
                self._timers.cancel(timer)
            case fx.ShowFloor(holder):
                self._report(FloorChanged(holder))
            case fx.ShowUser(turn, text, final):
                self._report(UserText(turn, text, final))

    def _keep(self, facts: tuple[str, ...]) -> None:
        self._history.facts = facts
        if self._responses.is_quiet:
            self._history.trim()
            self._prepare()

    def _adopt(self) -> None:
        """Apply the configuration that `configure` was given, if any."""
        if self._next is None or self._state.closed:
            return
        (config, chosen), self._next = self._next, None
        self._config = config
        self._responses.streams = replace(self._responses.streams, start_call=partial(chosen.start, session=self.id))
        self._input.configure(config.thresholds)
        self._history.configure(config.system_prompt, config.budget_tokens, config.max_turns, chosen.specs)
        self._history.trim()
        self._post(ev.Configured(self._loop.time(), config.rules_in_effect))
        self._prepare()

    def _prepare(self) -> None:
        """Let the model read ahead what the next prompt will begin with."""
        if self._state.open:
            self._llm.prepare(self._history.messages)
