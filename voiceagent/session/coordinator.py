"""The coordinator of one session: the single writer of its state.

It turns what engines, playout and door report into events, feeds them to the machine in order, and carries out the
effects. Everything happens on the event loop in short calls; there is no task to leak. A door calls `open`, `hear`,
`pull`, `close`, and what else docs/doors.md lists; it gets reports for people through `on_report`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from voiceagent.audio.playout import Playout
from voiceagent.engines.contract import StreamFailed
from voiceagent.engines.llm.contract import Ending, LlmEvent, Message
from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.agent_voice import AgentVoice
from voiceagent.session.aside import Asides, OpenModel
from voiceagent.session.by_hand import require_keys
from voiceagent.session.config import ConversationConfig
from voiceagent.session.draft import is_idle
from voiceagent.session.engines import Engines
from voiceagent.session.failures import Failures
from voiceagent.session.history import History
from voiceagent.session.listener import Listener
from voiceagent.session.machine import step
from voiceagent.session.named import log_fields
from voiceagent.session.noticed import noticed, shown
from voiceagent.session.possible import require_possible
from voiceagent.session.recording import Recorder
from voiceagent.session.remembering import Remembering
from voiceagent.session.reports import Report, SessionClosed, SessionOpened, UserTurnEnded
from voiceagent.session.requests import Requests
from voiceagent.session.responses import Responses
from voiceagent.session.snapshot import Snapshot, snapshot
from voiceagent.session.state import State
from voiceagent.session.streams import Streams
from voiceagent.session.summary import SUMMARY, Summariser
from voiceagent.session.timers import Timers
from voiceagent.session.turns import TurnLog
from voiceagent.session.user_input import ByHand, UserInput
from voiceagent.tools.toolbox import Chosen, Toolbox
from voiceagent.trace.about import about_each, about_object


@about_each(log_fields)
class Session(Remembering):
    """One connected user, from connect to hang-up; `past` is a conversation to go on with.

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
        open_model: OpenModel | None = None,
        past: Snapshot | None = None,
    ) -> None:
        self.id = session_id
        self.playout = Playout(engines.tts.sample_rate)
        self._require = partial(require_possible, engines=engines, toolbox=tools)
        chosen = self._require(config)
        self._config = config
        self._next: tuple[ConversationConfig, Chosen] | None = None  # what `configure` asked for, until it is adopted
        agent = AgentVoice(config.language)
        self._report = on_report = agent.overhear(on_report)
        self._queue: deque[ev.Event] = deque()
        self._loop = asyncio.get_running_loop()
        self._timers = Timers(lambda timer: self._post(ev.TimerFired(self._loop.time(), timer)))
        self._now = self._loop.time()
        """The time of the event whose effects are being carried out."""
        self._listener = Listener(self.playout, turns, on_report, self._post, agent, session_id)
        self._failures = Failures(session_id, turns, on_report)
        self._engine_failed = about_object(self, log_fields, self._failures.tell)
        count = engines.llm.count_tokens
        self._history = History(config.system_prompt, config.budget_tokens, config.max_turns, count, chosen.specs)
        state = State(config.rules_in_effect)
        self._state = state if past is None else past.restore(state, self._history)
        with ExitStack() as opened:  # an engine has no place left: free what the others gave
            self._input = UserInput(engines, config, turns, agent, self._post, self._engine_failed)
            opened.callback(self._input.close)
            self.playout.may_begin = self._input.is_quiet
            self._llm = engines.llm.open(self._on_llm)
            opened.callback(self._llm.close)
            self._tts = engines.tts.open(about_object(self, log_fields, lambda event: self._responses.on_tts(event)))
            opened.pop_all()
        streams = Streams(self._llm, self._tts, self.playout, partial(chosen.start, session=session_id))
        self._responses = Responses(
            session_id, streams, self._history, turns, on_report, count, self._on_response_failed, self._on_read
        )
        asides = Asides(open_model or engines.llm.open, count, on_report, self._engine_failed)
        self._requests = Requests(self._choose, self._responses, asides)
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
            self._listener.hear(pcm)
            self._input.hear(pcm)

    def pull(self) -> NDArray[np.float32]:
        """Return the next 20 ms for the listener, at the TTS engine's sample rate."""
        return self._listener.pull()

    def note_played(self) -> None:
        """Record what a listener who is sent audio ahead has played meanwhile (`audio/pacer.py`)."""
        self._listener.note_played()

    def listen_in(self, recorder: Recorder) -> None:
        """Give a recorder what the user is heard to say and what they are played, from now on until the end."""
        if not self._state.closed:
            self._listener.record(recorder)

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

    def type(self, text: str) -> None:
        """The user wrote something."""
        self._post(ev.Typed(self._loop.time(), text))

    def stop_speaking(self) -> None:
        """The user pressed the button that silences the agent."""
        self._post(ev.StopRequested(self._loop.time()))

    def say(self, text: str, *, interrupt: bool = False) -> None:
        """Have the agent speak a text, which is remembered as far as it is heard.

        It waits until the floor is free; with `interrupt` it comes at once, in place of what the agent says and of what
        the user has begun to say. A text without words is ignored.
        """
        self._post(ev.SayRequested(self._loop.time(), text, interrupt))

    def commit_turn(self) -> None:
        """What was heard since the last turn is the user's turn: it ends now, without waiting for silence.

        `UserTurnEnded` reports it, or `NothingHeard`.
        """
        self._end_turn(ev.TurnCommitted)

    def discard_turn(self) -> None:
        """Forget what was heard since the last turn."""
        self._end_turn(ev.TurnDiscarded)

    def press(self, keys: str) -> None:
        """The user pressed keys of a telephone (0 to 9, *, #, A to D): the model is told once they are complete.

        Raises VoiceAgentError for other keys; none counts then.
        """
        for key in require_keys(keys):
            self._post(ev.KeyPressed(self._loop.time(), key))

    def respond(
        self,
        instructions: str = "",
        *,
        config: ConversationConfig | None = None,
        remember: bool = True,
        messages: Sequence[Message] = (),
    ) -> int:
        """Have the model answer the conversation as it stands, as soon as no one speaks and no answer is being made.

        The `instructions` are for this one reply: the model takes them as the user's words, and then forgets them.
        `config` is for this one, too. Without `remember` the reply is no part of the conversation: it comes soon, as
        text (`AsideEnded`), to `messages` or else to the conversation, and calls no tools.
        Returns its number, for `withdraw`. Raises VoiceAgentError for an unsupported configuration, and for want of
        a place for a reply apart.
        """
        if not remember:
            return self._requests.ask_apart(instructions, tuple(messages), config or self._config)
        request = self._requests.enter(config)
        self._post(ev.ReplyRequested(self._loop.time(), instructions, request))
        return request

    def withdraw(self, request: int) -> None:
        """What `respond` was asked for is not wanted any more, whether it waits or is being made or heard."""
        self._requests.withdraw(request)
        self._post(ev.RequestWithdrawn(self._loop.time(), request))

    def configure(self, config: ConversationConfig) -> None:
        """Behave as `config` says from the next turn on.

        A turn under way is finished as it began: the change takes effect when its response has ended or it has come to
        nothing, and at once while no one speaks. The history stays; prompt and tools are the new ones.
        Raises VoiceAgentError, listing what is available, for an unsupported configuration; nothing changes then.
        """
        self._next = config, self._choose(config)
        if is_idle(self._state) or not self._state.open:
            self._adopt()

    def snapshot(self) -> Snapshot:
        """Return the conversation as data, as it would be remembered if the line broke now."""
        return snapshot(self.id, self._state, self._history, self._responses.answer)

    def close(self) -> None:
        """The door is shut: end everything. Safe to call twice."""
        if self._state.closed:
            return
        was_open = self._state.open
        self._post(ev.Closed(self._loop.time()))
        if was_open:
            self._report(SessionClosed())
        with ExitStack() as closing:  # all of them, even if one raises
            for part in (self._input, self._llm, self._tts, self._requests, self._listener):
                closing.callback(part.close)

    def _on_llm(self, event: LlmEvent) -> None:
        if isinstance(event, Ending):
            self._post(ev.WordsJudged(self._loop.time(), event.generation, event.probability))
        elif (event.tag if isinstance(event, StreamFailed) else event.generation) == SUMMARY:
            self._summariser.take(event)
        elif not self._responses.on_llm(event) and isinstance(event, StreamFailed):
            self._engine_failed("llm", event.error)

    def _on_response_failed(self, generation: int, engine: str, error: Exception | None) -> None:
        if error is not None:
            self._engine_failed(engine, error)
        self._post(ev.ResponseFailed(self._loop.time(), generation))

    def _on_read(self, generation: int, whole: bool) -> None:
        what = ev.PlayoutFinished if whole else ev.PlayoutStarted
        self._post(what(self._loop.time(), generation))

    def _post(self, event: ev.Event) -> None:
        """Queue the event; the outermost call drains the queue, so that effects never nest."""
        self._queue.append(event)
        if len(self._queue) > 1:
            return
        while self._queue:
            self._now = self._queue[0].at
            before = self._state
            self._state, effects = step(before, self._queue[0])
            for report in noticed(before, self._state):
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
        self._failures.refused(effect, error)
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
                self._responses.begin(effect, self._now, self._config, self._requests.take(effect.request))
            case fx.Release():
                self._responses.release(self._state.response, self._state.turn - 1, self._now)
            case fx.Pause(generation):
                self._responses.pause(generation)
            case fx.Resume(generation):
                self._responses.resume(generation)
            case fx.End(generation, outcome):
                if self._responses.end(generation, outcome, self._loop.time()):
                    self._adopt()
                    self._prepare()
            case fx.SetTimer(timer, delay_s):
                self._timers.set(timer, delay_s)
            case fx.CancelTimer(timer):
                self._timers.cancel(timer)
            case fx.EndTurn(turn, text):
                self._responses.note(turn, text, self._now, self._config.language)
                self._tidy()
                self._report(UserTurnEnded(turn, text))
            case fx.EnterKeys(keys):
                self.type(self._config.pressed.format(keys=" ".join(keys)))
            case fx.ShowFloor() | fx.ShowUser() | fx.ShowNothing() | fx.SetAside():
                self._report(shown(effect))
                if isinstance(effect, fx.ShowUser) and not effect.final:
                    self._llm.prepare(self._history.with_user(effect.text))

    def _choose(self, config: ConversationConfig) -> Chosen:
        """Return a configuration's tools. Raises VoiceAgentError for one that is not supported."""
        return self._require(config, facts=self._history.facts)

    def _require_room(self, facts: tuple[str, ...]) -> None:
        self._require(self.config, facts=facts)

    def _end_turn(self, how: ByHand) -> None:
        if self._state.open:
            self._input.end_turn(how)

    def _on_change(self) -> None:
        """The conversation is another than what is being prepared knows."""
        self._post(ev.Noted(self._loop.time()))
        self._tidy()

    def _tidy(self) -> None:
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
        self._input.configure(config)
        self._history.configure(config.system_prompt, config.budget_tokens, config.max_turns, chosen.specs)
        self._history.trim()
        self._post(ev.Configured(self._loop.time(), config.rules_in_effect))
        self._prepare()

    def _prepare(self) -> None:
        """Let the model read ahead what the next prompt will begin with."""
        if self._state.open:
            self._llm.prepare(self._history.messages)
