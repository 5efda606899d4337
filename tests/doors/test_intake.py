"""How much audio a client may send ahead of the clock."""

import asyncio

import numpy as np
import pytest

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.intake import Intake


def test_a_burst_is_taken_and_what_is_too_much_is_refused_and_not_counted():
    async def main():
        intake = Intake(burst_s=60.0)
        intake.count(50.0)
        with pytest.raises(BadRequestError, match="60 s ahead"):
            intake.count(20.0)
        intake.count(9.0)

    asyncio.run(main())


def test_it_is_heard_at_16_khz_whatever_rates_it_comes_at():
    async def main():
        intake = Intake()
        second = np.sin(np.arange(8_000, dtype=np.float32) * 2 * np.pi * 440 / 8_000)
        told = np.concatenate([intake.take(second[:4_000], 8_000), intake.take(second[4_000:], 8_000)])
        assert 15_500 < len(told) <= 16_000, "the rest comes with the next"
        crossings = np.count_nonzero(np.diff(np.signbit(told)))
        assert crossings == pytest.approx(2 * 440 * len(told) / 16_000, abs=2)
        whole = np.ones(1_600, np.float32)
        assert intake.take(whole) is whole

    asyncio.run(main())
