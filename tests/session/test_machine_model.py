"""The session machine, all of it: every promise in every state that can be reached, and an end to everything.

Each mutation breaks one promise on purpose, and the search must find it: a check that cannot fail is none.
"""

from dataclasses import replace

import pytest
from ledger import RULES, World, choices
from model import LONG_S, SHORT_S, CounterexampleError, explore, starving
from shipped_rules import rules as shipped

from voiceagent.session import draft as drafts
from voiceagent.session import events as ev
from voiceagent.session import machine
from voiceagent.session.draft import Draft
from voiceagent.session.state import State

VARIANTS = {
    "as configured": RULES,
    "silence ends a turn": shipped(judge=False, silence_s=0.6, idle_s=20.0),
    "nothing is prepared early": shipped(preemptive=False, greet=False, idle_s=20.0),
    "turns end by hand": shipped(manual=True, idle_s=20.0),
    "nobody answers": shipped(answer=False, idle_s=20.0),
    "speech does not interrupt": shipped(interruptible=False, idle_s=20.0),
}


def people_and_models(world):
    """Everything that people and models may do, soon; what is being said is also told late."""
    for event in choices(replace(world, now=world.now + SHORT_S - 0.3)):
        yield event
        if isinstance(event, ev.PartialTranscript) and not event.own:
            yield replace(event, at=world.now + LONG_S)


def sensible(world):
    """The same without what is late, absurd, or like something else: a smaller world of the same rules."""
    state = world.state
    seen = set()
    for event in people_and_models(world):
        match event:
            case ev.SpeechStarted(own=True) | ev.PartialTranscript(own=True) | ev.Concluding():
                continue
            case ev.FinalTranscript(fork=fork) | ev.TurnJudged(fork=fork) if fork != state.fork:
                continue
            case ev.PlayoutStarted(generation=generation) | ev.PlayoutFinished(generation=generation):
                if generation != state.generation:
                    continue
            case ev.ResponseFailed(generation=generation) if generation != state.generation:
                continue
            case ev.PartialTranscript(text="and more") | ev.Typed(text="  "):
                continue
        if event not in seen:
            seen.add(event)
            yield event


def plain(world):
    """Of these, the plain course of a conversation: somebody speaks, in words or not, and is answered."""
    for event in sensible(world):
        match event:
            case ev.PartialTranscript(text="mm-hm") | ev.FinalTranscript(failed=True) | ev.SpeechPaused(speech_s=0.1):
                continue
            case ev.Typed() | ev.StopRequested() | ev.TurnJudged(probability=0.1) | ev.ResponseFailed():
                continue
        yield event


def start(rules=RULES):
    return World(State(rules))


@pytest.mark.exhaustive(quick=("turns end by hand",), full=tuple(VARIANTS))
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_state_holds_every_invariant_and_everything_comes_to_its_end(variant, size):
    if variant not in size:
        pytest.skip("explored in full size")
    explored = explore(start(VARIANTS[variant]), plain, most=50_000)
    assert len(explored.came_from) > 20, "the search has left the front door"
    starving(explored)


# Mutations: the machine breaks a promise, and is found out.


def mutation(owner, name):
    """Decorate what makes a wrong method of a right one; it becomes a case of the test below."""

    def add(wrong):
        MUTATIONS[wrong.__name__.replace("_", " ")] = owner, name, wrong
        return wrong

    return add


MUTATIONS = {}


def without(kind):
    """Return a `do` that leaves out effects of a kind."""

    def wrong(do):
        return lambda draft, *effects: do(draft, *(one for one in effects if not kind(one)))

    return wrong


def set_of(timer):
    return without(lambda effect: isinstance(effect, drafts.SetTimer) and effect.timer is timer)


@mutation(Draft, "end")
def a_response_ends_twice(end):
    def wrong(draft, outcome):
        response = draft.state.response
        end(draft, outcome)
        draft.set(response=response)

    return wrong


@mutation(Draft, "respond")
def a_generation_comes_again(respond):
    def wrong(draft, *arguments):
        respond(draft, *arguments)
        draft.effects[-1] = replace(draft.effects[-1], generation=draft.state.generation - 1)

    return wrong


@mutation(Draft, "release")
def a_response_is_released_twice(release):
    def wrong(draft):
        release(draft)
        draft.do(draft.effects[-1])

    return wrong


@mutation(Draft, "resume")
def the_agent_stays_paused(resume):
    return lambda draft: None


@mutation(Draft, "forget_turn")
def what_was_shown_is_forgotten(forget_turn):
    def wrong(draft):
        draft.set(shown="")
        forget_turn(draft)

    return wrong


@mutation(machine, "_closed")
def the_door_closes_and_a_response_goes_on(closed):
    def wrong(draft, event):
        draft.set(open=False, closed=True)

    return wrong


@mutation(machine, "_speech_started")
def sounds_interrupt_though_turns_end_by_hand(speech_started):
    return lambda draft, event: draft.begin_speech(event.at)


MUTATIONS |= {
    "nobody bounds speech without a pause": (Draft, "do", set_of(ev.Timer.MAX_SPEECH)),
    "nobody notices a long silence": (Draft, "do", set_of(ev.Timer.IDLE)),
    "a cough leaves it undecided": (Draft, "do", set_of(ev.Timer.UNDECIDED)),
    "nobody waits for the end of a turn": (Draft, "do", set_of(ev.Timer.END_OF_TURN)),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_promise_is_found_and_told_as_a_dialogue(monkeypatch, name):
    owner, method, wrong = MUTATIONS[name]
    right = getattr(owner, method)
    broken = wrong(right)
    monkeypatch.setattr(owner, method, broken)
    for kind, rule in list(machine._RULES.items()):
        if rule is right:
            monkeypatch.setitem(machine._RULES, kind, broken)
    rules = shipped(manual=True, idle_s=20.0) if "by hand" in name else RULES
    with pytest.raises(CounterexampleError) as found:
        explore(start(rules), plain)
    promise, *dialogue = str(found.value).splitlines()
    assert promise
    assert dialogue[0] == "The door opens."
    assert len(dialogue) < 60, "the shortest way is short"


def test_a_turn_that_never_ends_is_found(monkeypatch):
    """An alarm that changes nothing breaks no invariant: it is set, and it rings. What never comes is the end."""
    right = machine._RULES[ev.TimerFired]

    def deaf(draft, event):
        if event.timer is ev.Timer.END_OF_TURN:
            draft.do(drafts.SetTimer(event.timer, 1.0))
        else:
            right(draft, event)

    monkeypatch.setitem(machine._RULES, ev.TimerFired, deaf)
    quiet = shipped(judge=False, silence_s=0.6, answer=False, idle_s=0.0)
    explored = explore(start(quiet), plain)
    with pytest.raises(CounterexampleError, match="for ever"):
        starving(explored)
