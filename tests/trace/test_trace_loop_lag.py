"""The event loop's own lag."""

import asyncio

from voiceagent.scheduler.virtual import run_virtual
from voiceagent.trace.loop_lag import INTERVAL_S, LoopLag


def test_a_loop_with_nothing_to_do_is_never_late():
    async def main():
        lags = []
        watch = LoopLag(lags.append)
        await asyncio.sleep(10.0)
        watch.close()
        await asyncio.sleep(1.0)
        assert len(lags) in range(round(10 / INTERVAL_S) - 2, round(10 / INTERVAL_S) + 1)
        assert max(lags) < 1e-6

    run_virtual(main())


def test_a_loop_that_is_held_up_counts_for_as_long_as_it_was():
    async def main():
        lags = []
        watch = LoopLag(lags.append)
        loop = asyncio.get_running_loop()
        await asyncio.sleep(1.01)
        loop.advance(10 * INTERVAL_S)  # as a step that blocks the loop would
        await asyncio.sleep(1.0)
        watch.close()
        late = [lag for lag in lags if lag > 1e-6]
        assert len(late) == 10
        assert late == sorted(late, reverse=True)

    run_virtual(main())


def test_a_machine_that_slept_is_no_busy_loop():
    async def main():
        lags = []
        watch = LoopLag(lags.append)
        await asyncio.sleep(0.01)
        asyncio.get_running_loop().advance(3600.0)
        await asyncio.sleep(1.0)
        watch.close()
        assert len([lag for lag in lags if lag > 1e-6]) == 1

    run_virtual(main())
