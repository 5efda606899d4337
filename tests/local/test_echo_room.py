"""A minute in the echo room, in real time: the agent does not hear itself, hears the person who cuts in, and goes on
after a cough. `benchmarks/echo.py` is the long form.
"""

import asyncio
import shutil

import pytest

from benchmarks.corpus import PROMPTS, READINGS
from benchmarks.echo_room.live import converse
from benchmarks.echo_room.visit import devices

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.alone,
    pytest.mark.models,
    pytest.mark.skipif(
        shutil.which("pulseaudio") is None or not (PROMPTS.exists() and READINGS.exists()),
        reason="needs the Debian packages that .ci/run installs",
    ),
]

MINUTES = 1.2
MOST_GAPS = 5
"""More is a machine that is too busy for sound, and says nothing of the agent."""


def test_the_agent_is_interrupted_by_the_person_and_not_by_itself():
    with devices() as server:
        talk = asyncio.run(converse(server, MINUTES, echo_db=-6.0))
    gaps = talk["underruns"] + talk["overruns"] + talk["starved"] + talk["room_blocks_dropped"]
    if gaps > MOST_GAPS:
        pytest.skip(f"this machine is too busy for sound: {gaps} gaps in {MINUTES} minutes")
    acts = {kind: [act for act in talk["acts"] if act["kind"] == kind] for kind in ("barge_in", "cough", "alone")}
    assert talk["self_interruptions"] == []
    assert min(talk["erle_db"]) > 20
    assert len(acts["barge_in"]) >= 3
    assert all(act["ended"] for act in acts["barge_in"])
    assert acts["cough"]
    assert not any(act["ended"] for act in acts["cough"])
    spoken = acts["barge_in"] + acts["alone"]
    assert sum(act["errors"] for act in spoken) <= 0.25 * sum(act["words"] for act in spoken)
