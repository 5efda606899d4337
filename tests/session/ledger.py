"""Keeps account of a session machine from outside, and objects when it breaks a promise."""

from dataclasses import dataclass, field, fields, replace
from operator import attrgetter

from shipped_rules import rules

from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.machine import step
from voiceagent.session.state import Response, State, User

RULES = rules(idle_s=20.0)
WORDS = "tell me more"


@dataclass(frozen=True, slots=True)
class World:
    """A machine's state and what a bystander knows of its past."""

    state: State = field(default_factory=lambda: State(RULES))
    now: float = 0.0
    live: int | None = None
    released: bool = False
    paused: bool = False
    newest: int = 0
    timers: frozenset[ev.Timer] = frozenset()
    finalising: bool = False
    """A transcript of the current fork was asked for and has not come."""
    switched: bool = False
    """It was changed under way whether speech interrupts."""
    shown: str = ""
    """What is shown of the user's turn, and is neither answered, remembered nor set aside."""
    handed: bool = False
    """Whether that turn ends as the next one does: it was under way when turns were ended by hand."""


def advance(world: World, event: ev.Event) -> World:
    """Feed one event; raise AssertionError if the machine breaks an invariant."""
    before = world
    state, effects = step(world.state, event)
    if world.state.closed:
        assert effects == (), "nothing happens after the door has closed"
        assert state == world.state
        return world
    check_modes(before.state, event, effects)
    if before.state.committed and not state.committed and not state.closed:
        told = any(isinstance(effect, fx.EndTurn | fx.ShowNothing) for effect in effects)
        answered = isinstance(event, ev.FinalTranscript) and any(isinstance(effect, fx.Release) for effect in effects)
        assert told or answered, "what becomes of a turn that was ended by hand is reported"
    world = replace(world, state=state, now=event.at)
    if isinstance(event, ev.Configured) and event.rules.interruptible is not before.state.rules.interruptible:
        world = replace(world, switched=True)
    if state.rules.manual and before.shown:
        world = replace(world, handed=True)
    if isinstance(event, ev.TimerFired):
        world = replace(world, timers=world.timers - {event.timer})
    if isinstance(event, ev.FinalTranscript) and event.fork == before.state.fork:
        world = replace(world, finalising=False)
    for effect in effects:
        world = account(world, effect)
        world = account_words(world, event, effect)
    _check(world)
    return world


def account(world: World, effect: fx.Effect) -> World:
    match effect:
        case fx.Respond(generation):
            assert world.live is None, "at most one response is live"
            assert generation == world.newest + 1, "generations grow by one"
            return replace(world, live=generation, newest=generation, released=False, paused=False)
        case fx.Release(generation):
            assert world.live == generation, "only the live response is released"
            assert not world.released, "a response is released at most once"
            return replace(world, released=True)
        case fx.End(generation, _):
            assert world.live == generation, "a response ends exactly once"
            return replace(world, live=None, released=False, paused=False)
        case fx.Pause(generation):
            assert world.live == generation
            assert world.released
            assert not world.paused
            return replace(world, paused=True)
        case fx.Resume(generation):
            assert world.live == generation
            assert world.paused
            return replace(world, paused=False)
        case fx.SetTimer(timer, delay_s):
            assert delay_s >= 0
            return replace(world, timers=world.timers | {timer})
        case fx.CancelTimer(timer):
            return replace(world, timers=world.timers - {timer})
        case fx.Finalise(fork):
            assert fork == world.state.fork
            return replace(world, finalising=True)
        case fx.CommitAudio():
            return replace(world, finalising=False)
        case fx.EnterKeys(keys):
            assert keys
        case fx.EndTurn(turn, _):
            assert turn == world.state.turn - 1, "turns grow by one"
    return world


def account_words(world: World, event: ev.Event, effect: fx.Effect) -> World:
    """Follow what is shown of what the user says; what they type is answered in the same step."""
    if isinstance(event, ev.Typed) and isinstance(effect, fx.ShowUser | fx.EndTurn | fx.Release):
        return world
    match effect:
        case fx.ShowUser(_, text):
            return replace(world, shown=text, handed=world.handed or world.state.rules.manual)
        case fx.SetAside(_, text):
            assert text == world.shown, "what is set aside is what was shown"
            return replace(world, shown="", handed=False)
        case fx.EndTurn():
            return replace(world, shown="", handed=False)
        case fx.Release() if world.state.response is not None and world.state.response.kind in ANSWERS:
            return replace(world, shown="", handed=False)
    return world


BY_ITSELF = (fx.ResponseKind.REPLY, fx.ResponseKind.ASK_BACK, fx.ResponseKind.APOLOGY)
SOUNDS = (ev.SpeechStarted, ev.SpeechPaused, ev.SpeechStopped, ev.PartialTranscript)
ANSWERS = (fx.ResponseKind.REPLY, fx.ResponseKind.ASK_BACK)
HEARD = (*SOUNDS, ev.FinalTranscript, ev.TurnJudged, ev.TimerFired)


def check_modes(before: State, event: ev.Event, effects: tuple[fx.Effect, ...]) -> None:
    """Object to what the rules in force before an event do not allow."""
    rules, response = before.rules, before.response
    if rules.manual and isinstance(event, SOUNDS):
        shown = (fx.ShowFloor, fx.ShowUser, fx.SetTimer)
        assert all(isinstance(effect, shown) for effect in effects), "sounds by themselves change nothing"
    if not rules.answer:
        kinds = [effect.kind for effect in effects if isinstance(effect, fx.Respond)]
        assert not set(kinds) & set(BY_ITSELF), "nobody answers who was not asked"
    if isinstance(event, ev.TimerFired) and event.timer is ev.Timer.INTERRUPT and before.wordless:
        assert not any(isinstance(effect, fx.End) for effect in effects), "a sound without words interrupts nobody"
    goes_on = response is not None and response.released and not response.paused and not before.committed
    if goes_on and not rules.interruptible and isinstance(event, HEARD):
        assert not any(isinstance(effect, fx.Pause | fx.End) for effect in effects), "speech does not interrupt"


def _check(world: World) -> None:
    state, timers = world.state, world.timers
    if state.closed:
        assert world.live is None, "when the door closes, everything ends"
        assert not timers
        return
    assert (state.response.generation if state.response else None) == world.live
    if state.response is not None:
        assert state.response.released == world.released
        assert state.response.paused == world.paused
        assert world.released or state.user is not User.SILENT, "an unreleased response has a turn that may release it"
    assert state.shown == world.shown
    if state.user is User.SILENT and not world.handed:
        assert not world.shown, "what was shown is answered, remembered, or set aside"
    bounded = state.user in (User.SPEAKING, User.PAUSED)
    assert (ev.Timer.MAX_SPEECH in timers) == bounded, "speech without a pause is bounded"
    if state.overlong:
        assert state.speaking, "only a sound that goes on is overlong"
    if world.paused:
        assert state.user is not User.SILENT, "the agent stays paused only while something will decide"
    assert (ev.Timer.KEYS in timers) == bool(state.keys), "keys wait only for further ones"
    if state.committed:
        assert (state.user, state.complete) == (User.WAITING, True), "a turn that was ended by hand does not go on"
    if state.rules.manual:
        assert state.user is User.SILENT or state.committed, "nothing is decided about what is ended by hand"
    if state.user is User.WAITING:
        goes_on = world.released and not world.paused and (world.switched or not state.rules.interruptible)
        undecided = ev.Timer.UNDECIDED in timers and world.released
        patient = ev.Timer.END_OF_TURN in timers and not world.released
        waiting_for_text = state.complete and state.transcript is None and world.finalising
        assert goes_on or undecided or patient or waiting_for_text, "a silent user is never left waiting for nothing"
    if state.user is User.SILENT:
        assert not timers & {ev.Timer.END_OF_TURN, ev.Timer.INTERRUPT, ev.Timer.UNDECIDED}
        quiet = state.open and state.response is None
        noticed = quiet and not state.nudged and state.rules.idle_s > 0
        assert (ev.Timer.IDLE in timers) == noticed, "silence on both sides is noticed, once"
        assert not (quiet and state.wishes), "what is to be said unasked waits only while somebody has the floor"


def requests(world: World, waiting: int) -> list[ev.Event]:
    """What the application could ask for, while no more than so many of its wishes wait."""
    at, rules = world.now + 0.3, world.state.rules
    asked = [ev.SayRequested(at, "news", interrupt=True), ev.SayRequested(at, " ")]
    if len(world.state.wishes) < waiting:
        asked += [ev.SayRequested(at, "news"), ev.ReplyRequested(at, "Be brief.")]
    others = replace(rules, idle_s=0.0 if rules.idle_s else 20.0)
    return [*asked, ev.Configured(at, others)]


def by_hand(world: World) -> list[ev.Event]:
    """What a door could ask for: turns, keys and answers by hand, and other rules for them."""
    at, state = world.now + 0.3, world.state
    rules = state.rules
    asked = [ev.TurnCommitted(at), ev.TurnDiscarded(at), ev.Noted(at), ev.RequestWithdrawn(at, 7)]
    if not any(wish.request for wish in state.wishes) and not (state.response and state.response.request):
        asked.append(ev.ReplyRequested(at, "", 7))
    if len(state.keys) < 2:
        asked += [ev.KeyPressed(at, "1"), ev.KeyPressed(at, "#")]
    others = ("manual", "answer", "interruptible")
    return [*asked, *(ev.Configured(at, replace(rules, **{name: not getattr(rules, name)})) for name in others)]


def choices(world: World) -> list[ev.Event]:
    """Every event that could come next from people and models: the likely, the late, and the absurd."""
    state, at = world.state, world.now + 0.3
    texts = (WORDS, "mm-hm", "")
    generations = {state.generation, max(0, state.generation - 1)}
    return [
        ev.Opened(at),
        ev.Closed(at),
        ev.SpeechStarted(at),
        ev.SpeechStarted(at, own=True),
        ev.SpeechPaused(at, 0.1),
        ev.SpeechPaused(at, 0.6),
        ev.SpeechStopped(at),
        *(ev.PartialTranscript(at, text) for text in (WORDS, "and more", "mm-hm")),
        *(ev.FinalTranscript(at, state.fork, text) for text in texts),
        ev.PartialTranscript(at, "", own=True),
        *(ev.Concluding(at, generation, "Shall I?") for generation in generations),
        ev.FinalTranscript(at, state.fork, "", failed=True),
        ev.FinalTranscript(at, state.fork - 1, "too late"),
        ev.TurnJudged(at, state.fork, 0.99),
        ev.TurnJudged(at, state.fork, 0.1),
        ev.TurnJudged(at, state.fork - 1, 0.9),
        *(ev.WordsJudged(at, generation, chance) for generation in generations for chance in (0.01, 0.99)),
        *(ev.TimerFired(at, timer) for timer in ev.Timer if timer in world.timers),
        ev.Typed(at, "hello"),
        ev.Typed(at, "  "),
        ev.StopRequested(at),
        *(ev.PlayoutStarted(at, generation) for generation in generations),
        *(ev.PlayoutFinished(at, generation) for generation in generations),
        *(ev.ResponseFailed(at, generation) for generation in generations),
    ]


RELATIVE = {
    "turn",
    "fork",
    "generation",
    "pause_s",
    "stopped_at",
    "started_at",
    "heard_at",
    "speech_s",
    "pauses",
    "response",
}
"""Of a state, what counts only in relation to something else, or not at all."""
_STATE = attrgetter(*(one.name for one in fields(State) if one.name not in RELATIVE))
_RESPONSE = attrgetter(*(one.name for one in fields(Response) if one.name != "generation"))


def essence(world: World) -> object:
    """What two worlds must share to have the same future, times and counters being relative."""
    state = world.state
    return (
        _STATE(state),
        min(1.0, round(world.now - state.started_at, 3)),
        min(1.0, round(state.speech_s, 3)),
        min(2, state.pauses),
        state.response and _RESPONSE(state.response),
        world.live is None,
        world.released,
        world.paused,
        world.timers,
        world.finalising,
        world.switched,
        world.handed,
    )
