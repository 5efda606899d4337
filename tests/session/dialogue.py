"""A run of the session machine in words: who does what, and what comes of it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from voiceagent.session import effects as fx
from voiceagent.session import events as ev
from voiceagent.session.machine import step

if TYPE_CHECKING:
    from ledger import World


def told(way: Iterable[tuple["World", ev.Event]]) -> Iterator[str]:
    """Yield a line for each event, and one for each effect, set off."""
    for world, event in way:
        yield said_of(event)
        try:
            _, effects = step(world.state, event)
        except AssertionError as error:
            yield f"    (the machine objects: {error})"
            return
        yield from (f"    {done(effect)}" for effect in effects)


def said_of(event: ev.Event) -> str:
    """Return an event as a sentence."""
    match event:
        case ev.Opened():
            return "The door opens."
        case ev.Closed():
            return "The door closes."
        case ev.SpeechStarted(own=own):
            return "User begins to make a sound" + (", or it is the agent's own." if own else ".")
        case ev.SpeechPaused(speech_s=speech_s):
            return f"User pauses after {speech_s:g} s of speech."
        case ev.SpeechStopped():
            return "User is silent."
        case ev.PartialTranscript(text=text):
            return f"User is saying: {text!r}"
        case ev.FinalTranscript(text=text, failed=failed):
            return "The recogniser fails." if failed else f"User has said: {text!r}"
        case ev.TurnJudged(probability=probability):
            return f"The turn detector takes the turn for {'over' if probability >= 0.5 else 'unfinished'}."
        case ev.TimerFired(timer=timer):
            return f"The alarm rings: {timer.value}."
        case ev.Typed(text=text):
            return f"User writes: {text!r}"
        case ev.PlayoutStarted():
            return "Agent begins to be heard."
        case ev.PlayoutFinished():
            return "Agent has been heard to the end."
        case ev.ResponseFailed():
            return "The answer fails."
        case ev.Configured(rules=rules):
            names = ("manual", "answer", "interruptible")
            return f"The rules change: {', '.join(f'{name}={getattr(rules, name)}' for name in names)}."
    return f"{type(event).__name__}."


def done(effect: fx.Effect) -> str:
    """Return an effect as a few words."""
    match effect:
        case fx.Respond(_, kind, text):
            return f"Agent prepares: {kind.value} {text!r}"
        case fx.Release():
            return "Agent may be heard."
        case fx.Pause():
            return "Agent falls silent for a moment."
        case fx.Resume():
            return "Agent goes on."
        case fx.End(_, outcome):
            return f"Agent's response ends: {outcome.value}."
        case fx.SetTimer(timer, delay_s):
            return f"The alarm {timer.value} is set to {delay_s:g} s."
        case fx.CancelTimer(timer):
            return f"The alarm {timer.value} is off."
        case fx.ShowUser(_, text):
            return f"The page shows: {text!r}"
        case fx.SetAside(_, text):
            return f"The page sets aside: {text!r}"
        case fx.ShowFloor(holder):
            return f"The floor: {holder.value}."
    return type(effect).__name__
