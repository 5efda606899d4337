"""The session machine keeps its promises under every order of events."""

import random

import pytest
from ledger import RULES, World, account, advance, by_hand, choices, essence, requests
from shipped_rules import rules as shipped

from voiceagent.session import events as ev
from voiceagent.session.effects import Pause, ResponseKind
from voiceagent.session.state import State

VARIANTS = {
    "as configured": RULES,
    "silence ends a turn": shipped(judge=False, silence_s=0.6, idle_s=20.0),
    "nothing is prepared early": shipped(preemptive=False, greet=False, idle_s=20.0),
}

BY_HAND = {
    "turns end by hand": shipped(manual=True, idle_s=20.0),
    "turns end by hand and nobody answers": shipped(manual=True, answer=False, greet=False, idle_s=20.0),
    "nobody answers": shipped(answer=False, idle_s=20.0),
    "speech does not interrupt": shipped(interruptible=False, idle_s=20.0),
    "as configured": RULES,
}


def walk(start, depth, events):
    """Follow all orders of events, breadth first; return the worlds, one of those that have the same future."""
    frontier, seen = [start], {essence(start): start}
    for _ in range(depth):
        reached = []
        for world in frontier:
            for event in events(world):
                after = advance(world, event)
                if (key := essence(after)) not in seen:
                    seen[key] = after
                    reached.append(after)
        frontier = reached
    return list(seen.values())


@pytest.mark.exhaustive(quick=5, full=7)
@pytest.mark.parametrize("rules", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_order_of_events_holds_every_invariant(rules, size):
    assert len(walk(World(State(rules)), size, choices)) > 200, "the walk has left the front door"


@pytest.mark.exhaustive(quick=150, full=1_500)
@pytest.mark.parametrize("rules", VARIANTS.values(), ids=VARIANTS.keys())
def test_long_random_walks_hold_every_invariant(rules, size):
    dice = random.Random(7)
    for _ in range(size):
        world = advance(World(State(rules)), ev.Opened(0.0))
        for _ in range(40):
            events = [*choices(world), *requests(world, waiting=3)]
            event = dice.choice(events)
            if isinstance(event, ev.Closed) and dice.random() < 0.9:
                continue
            world = advance(world, event)


@pytest.mark.exhaustive(quick=4, full=5)
@pytest.mark.parametrize("rules", BY_HAND.values(), ids=BY_HAND.keys())
def test_every_order_of_what_is_done_by_hand_holds_every_invariant(rules, size):
    """As above, with turns, keys and answers by hand, and rules that change meanwhile."""
    reached = walk(World(State(rules)), size, lambda world: [*choices(world), *by_hand(world)])
    assert any(world.state.committed and world.released for world in reached)
    assert any(world.state.response is not None and world.state.response.request for world in reached)


@pytest.mark.exhaustive(quick=60, full=600)
@pytest.mark.parametrize("rules", BY_HAND.values(), ids=BY_HAND.keys())
def test_long_random_walks_by_hand_hold_every_invariant(rules, size):
    dice = random.Random(11)
    for _ in range(size):
        world = advance(World(State(rules)), ev.Opened(0.0))
        for _ in range(60):
            event = dice.choice([*choices(world), *requests(world, waiting=3), *by_hand(world)])
            if isinstance(event, ev.Closed) and dice.random() < 0.9:
                continue
            world = advance(world, event)


@pytest.mark.exhaustive(quick=4, full=6)
def test_every_order_of_wishes_and_events_holds_every_invariant(size):
    """As above, with an application that has the agent speak unasked and changes its rules meanwhile."""
    reached = walk(World(State(RULES)), size, lambda world: [*choices(world), *requests(world, waiting=1)])
    assert any(world.state.wishes and world.paused for world in reached)
    assert any(world.state.response is not None and world.state.response.kind is ResponseKind.SAID for world in reached)


def test_every_promise_can_be_broken():
    """The ledger objects to a machine that pauses a response which is not there: the checks are alive."""
    with pytest.raises(AssertionError):
        account(World(), Pause(1))
