"""How much audio a client may send ahead of the clock."""

import asyncio

import pytest

from voiceagent.doors.errors import BadRequestError
from voiceagent.doors.intake import Intake


def test_a_burst_is_taken_and_what_is_too_much_is_refused_and_not_counted():
    async def main():
        intake = Intake(burst_s=60.0)
        intake.take(50.0)
        with pytest.raises(BadRequestError, match="60 s ahead"):
            intake.take(20.0)
        intake.take(9.0)

    asyncio.run(main())
