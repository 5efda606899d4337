"""Any offered work, on the virtual clock: all of it gets its turn; what is cancelled takes one more step at most."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from voiceagent.engines.contract import Need
from voiceagent.engines.queue import Job, QueueEngine
from voiceagent.scheduler.lane import VirtualLane
from voiceagent.scheduler.scheduler import Scheduler
from voiceagent.scheduler.virtual import run_virtual

LANES = ("asr", "llm", "tts")


class Engine(QueueEngine):
    """Runs whatever is submitted."""

    def load(self):
        """There is nothing to load."""


@dataclass(frozen=True)
class Order:
    """A piece of work that will be asked for."""

    lane: str
    at_s: float
    step_s: float
    steps: int
    need: Need
    due_in_s: float
    cancelled_after_s: float | None


orders = st.builds(
    Order,
    st.sampled_from(LANES),
    st.floats(0, 2),
    st.floats(0.003, 0.2),
    st.integers(1, 6),
    st.sampled_from(Need),
    st.floats(-0.5, 3),
    st.none() | st.floats(0.001, 1),
)


def carry_out(wanted, concurrency):
    """Run the orders; return by order when its steps began and when it was done, and the steps by lane."""
    begun, done, by_lane = {n: [] for n in range(len(wanted))}, {}, {lane: [] for lane in LANES}
    cancelled_at = {}

    async def main():
        loop = asyncio.get_running_loop()
        engines = {lane: Engine(lane) for lane in LANES}
        times = {}

        def watch(step):
            by_lane[step.batch.lane].append((step.start, step.end))
            begun[step.batch.streams[0]].append(step.start)

        lanes = {lane: VirtualLane(lambda batch: times[batch.streams[0]]) for lane in LANES}
        scheduler = Scheduler(engines, lanes, concurrency, on_step=watch)

        def submit(number, order):
            def steps():
                for _ in range(order.steps - 1):
                    yield None
                return "done"

            times[number] = order.step_s
            key = (f"{order.lane}.step", round(order.step_s * 1000))
            deadline = loop.time() + order.due_in_s
            job = Job(number, 1, deadline, key, steps(), lambda event: done.setdefault(number, loop.time()), order.need)
            engines[order.lane].submit(job)

        def cancel(number, order):
            cancelled_at[number] = loop.time()
            engines[order.lane].cancel(number)

        for number, order in enumerate(wanted):
            loop.call_at(order.at_s, submit, number, order)
            if order.cancelled_after_s is not None:
                loop.call_at(order.at_s + order.cancelled_after_s, cancel, number, order)
        await asyncio.sleep(60)
        scheduler.close()

    run_virtual(main())
    return begun, done, by_lane, cancelled_at


@settings(max_examples=40)
@given(st.lists(orders, min_size=1, max_size=12), st.integers(1, 3))
def test_no_offered_work_starves_and_what_is_cancelled_takes_one_more_step_at_most(wanted, concurrency):
    begun, done, by_lane, cancelled_at = carry_out(wanted, concurrency)
    for number, order in enumerate(wanted):
        if number in cancelled_at:
            assert not [start for start in begun[number] if start > cancelled_at[number]]
            assert number not in done or done[number] <= cancelled_at[number]
        else:
            assert len(begun[number]) == order.steps
            assert number in done
    for steps in by_lane.values():
        assert all(end <= start for (_, end), (start, _) in pairwise(steps)), "one at a time"


@settings(max_examples=15)
@given(st.lists(orders, min_size=1, max_size=8), st.integers(1, 2))
def test_the_same_work_takes_the_same_course_twice(wanted, concurrency):
    assert carry_out(wanted, concurrency) == carry_out(wanted, concurrency)
