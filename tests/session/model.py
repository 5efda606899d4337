"""The session machine explored as a model: all its states under an abstraction of time, numbers and text.

The abstraction: turns, forks and generations are relative; of a time it counts only whether speech has lasted long
enough to be meant; of what is said, whether it has words, other words, a sign of attention, or none. What is left is
finite, and `explore` follows every event from every state until there is nothing new: a fixed point. Each step is held
to the ledger's invariants. `starving` then finds states from which a turn or a response might never come to its end,
though everybody plays fair: who speaks stops some time, models answer or fail, alarms ring, and sound is played.

A search of our own, and no model checker from a package: those check a model that is written in their language, and
here the machine itself is the model; a state is its `State`, a transition its `step`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from dialogue import told
from ledger import WORDS, World, advance

from voiceagent.session import events as ev
from voiceagent.session.state import User

STOPS = "speaker who stops"
"""Fair in the strong sense: who is about to fall silent again and again does so, whatever rings in between. All else is
fair in the weak sense: it happens unless something changes that it waits for."""
LONG_S, SHORT_S = 1.0, 0.1
"""Speech that is long enough to be meant, and speech that is not."""
Events = Callable[[World], Iterable[ev.Event]]
Edges = dict[World, list[tuple[str, ev.Event, World]]]
"""What is bound to happen in a state, by whom, and where it leads."""


class CounterexampleError(AssertionError):
    """A promise is broken; the words are the dialogue that leads there."""


def normal(world: World) -> World:
    """Return the world that stands for all that differ only in what has no bearing on the future."""
    state = world.state
    spoke_s = LONG_S if world.now - state.started_at >= state.rules.min_speech_s else 0.0
    live = None if world.live is None else 1
    state = replace(
        state,
        turn=1,
        fork=1,
        generation=1,
        pause_s=0.0,
        started_at=-spoke_s,
        stopped_at=0.0,
        heard_at=0.0,
        speech_s=LONG_S if state.speech_s >= state.rules.min_speech_s else 0.0,
        pauses=min(2, state.pauses),
        response=state.response and replace(state.response, generation=1),
    )
    return replace(world, state=state, now=0.0, live=live, newest=1)


@dataclass(slots=True)
class Explored:
    """Every state that can be reached, and how."""

    came_from: dict[World, tuple[World, ev.Event] | None] = field(default_factory=dict)
    steps: int = 0

    def path(self, world: World) -> list[tuple[World, ev.Event]]:
        """Return the shortest way to a state: the states on it, each with what happens there."""
        way: list[tuple[World, ev.Event]] = []
        while (came := self.came_from[world]) is not None:
            way.append(came)
            world = came[0]
        return way[::-1]

    def counterexample(self, world: World, events: Iterable[ev.Event], broken: object) -> CounterexampleError:
        """Return a dialogue to a state and through some further events."""
        way = self.path(world)
        for event in events:
            way.append((world, event))
            try:
                world = normal(advance(world, event))
            except AssertionError:
                break
        return CounterexampleError("\n".join([str(broken) or "An invariant of the ledger does not hold:", *told(way)]))


def explore(start: World, events: Events, most: int = 10**7) -> Explored:
    """Follow every event from every state, breadth first, to the fixed point.

    Raises CounterexampleError for a promise that is broken, and for more states than `most`.
    """
    start = normal(start)
    explored = Explored({start: None})
    frontier = [start]
    while frontier:
        reached = []
        for world in frontier:
            for event in events(world):
                explored.steps += 1
                try:
                    after = normal(advance(world, event))
                except AssertionError as broken:
                    raise explored.counterexample(world, [event], broken) from None
                if after not in explored.came_from:
                    explored.came_from[after] = world, event
                    reached.append(after)
        frontier = reached
        if len(explored.came_from) > most:
            raise CounterexampleError(f"There are more than {most} states: the abstraction is not finite.")
    return explored


# Everything comes to its end.


def at_rest(world: World) -> bool:
    """Return whether nothing is under way that somebody waits for."""
    state = world.state
    silent = state.user is User.SILENT and state.response is None
    return state.closed or not state.open or (silent and not state.wishes and not state.keys)


def fair(world: World) -> Iterator[tuple[str, ev.Event]]:
    """What is bound to happen some time, by who sees to it; of several events of one, one."""
    state, at = world.state, world.now + SHORT_S
    if state.user is User.SPEAKING:
        yield "speaker", ev.SpeechPaused(at, LONG_S)
    elif state.user is User.PAUSED or state.speaking:
        yield STOPS, ev.SpeechStopped(at)
    if world.finalising:
        for text in (WORDS, "mm-hm", ""):
            yield "recogniser", ev.FinalTranscript(at, state.fork, text)
        yield "recogniser", ev.FinalTranscript(at, state.fork, "", failed=True)
    for timer in world.timers - {ev.Timer.IDLE}:
        yield f"alarm {timer.value}", ev.TimerFired(at, timer)
    if state.response is not None and state.response.released and not state.response.paused:
        yield "listener", ev.PlayoutFinished(at, state.generation)
        yield "listener", ev.ResponseFailed(at, state.generation)


def starving(explored: Explored) -> None:
    """Raise CounterexampleError for a state in which nothing is bound to happen though something is under way, and for
    a circle of states that a fair run never needs to leave."""
    edges: Edges = {}
    for world in explored.came_from:
        if at_rest(world):
            continue
        edges[world] = [(who, event, normal(advance(world, event))) for who, event in fair(world)]
        if not edges[world]:
            raise explored.counterexample(world, [], "It is waited for, and nothing is bound to happen:")
    for circle in _traps(edges, set(edges)):
        ways = ((world, event) for world in circle for _, event, after in edges[world] if after in circle)
        world, event = next(ways)
        raise explored.counterexample(world, [event], "It may go on for ever:")


def _traps(edges: Edges, within: set[World]) -> Iterator[set[World]]:
    """Yield the circles of states that a fair run can stay in."""
    for circle in _circles({world: [after for _, _, after in edges[world] if after in within] for world in within}):
        able: dict[str, set[World]] = {}
        for world in circle:
            for who, _, _ in edges[world]:
                able.setdefault(who, set()).add(world)
        moves = {who for world in circle for who, _, after in edges[world] if after in circle}
        if any(worlds == circle and who not in moves for who, worlds in able.items()):
            continue  # it is bound to happen, and leads out
        if STOPS in able and STOPS not in moves:
            yield from _traps(edges, circle - able[STOPS])  # what can go round without ever coming to that
        else:
            yield circle


def _circles(edges: dict[World, list[World]]) -> Iterator[set[World]]:
    """Yield the strongly connected components that a run can stay in (Tarjan's algorithm, without recursion)."""
    index: dict[World, int] = {}
    low: dict[World, int] = {}
    stack: list[World] = []
    on_stack: set[World] = set()
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(edges[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            world, afters = work[-1]
            for after in afters:
                if after not in index:
                    index[after] = low[after] = len(index)
                    stack.append(after)
                    on_stack.add(after)
                    work.append((after, iter(edges[after])))
                    break
                if after in on_stack:
                    low[world] = min(low[world], index[after])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[world])
                if low[world] == index[world]:
                    component = set()
                    while world not in component:
                        component.add(one := stack.pop())
                        on_stack.discard(one)
                    if len(component) > 1 or world in edges[world]:
                        yield component
