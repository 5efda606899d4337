"""The contract as third parties use it: it passes what keeps it, and catches what does not."""

import subprocess
import sys
from typing import get_args

import pytest

from voiceagent.engines.llm.scripted.engine import ScriptedLlm
from voiceagent.engines.spec import EngineKind, EngineSpec
from voiceagent.engines.tts.scripted.engine import ScriptedTts
from voiceagent.engines.tts.scripted.spec import ScriptedTtsSettings
from voiceagent.engines.turn.silence.spec import SPEC as SILENCE
from voiceagent.errors import VoiceAgentError
from voiceagent.testing.engine_contract import check_engine, contract


def at_once(seconds):
    """Steps take no time."""


class Voice(ScriptedTts):
    """A third party's voice."""

    closed = False

    def __init__(self):
        super().__init__(sleep=at_once)

    def close(self):
        super().close()
        self.closed = True


class VoiceSpec(EngineSpec):
    """What its package says of it."""

    def build(self, settings, context):
        """Return the voice."""
        self.built.append(self.voice())
        return self.built[-1]


def spec_of(voice):
    spec = VoiceSpec("tts", "theirs", ScriptedTtsSettings)
    object.__setattr__(spec, "voice", voice)
    object.__setattr__(spec, "built", [])
    return spec


def test_a_spec_is_built_loaded_checked_and_closed():
    spec = spec_of(Voice)
    check_engine(spec)
    (voice,) = spec.built
    assert voice.closed


def test_an_engine_that_is_loaded_is_checked_as_it_is():
    engine = ScriptedLlm(sleep=at_once)
    engine.load()
    check_engine(engine)


class DeafToCancel(Voice):
    """Goes on with what was cancelled."""

    def cancel(self, stream, tag=None):
        """Do nothing."""


class InOrderOfArrival(Voice):
    """Knows no deadline."""

    def urgency(self, job, now):
        """Return the order of arrival."""
        return (job.number,)


class TwiceTheSame(Voice):
    """Gives every event twice."""

    def deliver(self, batch, results):
        """Tell it, and tell it again."""
        on_event = batch.work.on_event
        on_event(results.event.event)
        super().deliver(batch, results)


class SilentAboutFailures(Voice):
    """Keeps a failed step to itself."""

    def fail(self, batch, error):
        """Drop the work."""
        self.cancel(batch.work.stream)


class HastyWithHeldWork(Voice):
    """Offers what is on hold."""

    def ready(self):
        """Return every job."""
        return list(self._jobs)


@pytest.mark.parametrize(
    "voice", [DeafToCancel, InOrderOfArrival, TwiceTheSame, SilentAboutFailures, HastyWithHeldWork]
)
def test_an_engine_that_breaks_the_contract_is_caught(voice):
    spec = spec_of(voice)
    with pytest.raises(AssertionError):
        check_engine(spec)
    assert spec.built[0].closed, "and closed all the same"


def test_a_voice_on_another_lane_is_caught():
    class Elsewhere(Voice):
        lane = "elsewhere"

    with pytest.raises(AssertionError, match="runs on the lane 'elsewhere', not 'tts'"):
        check_engine(spec_of(Elsewhere))
    with pytest.raises(VoiceAgentError, match="no contract for the lane 'elsewhere'"):
        check_engine(Elsewhere())


def test_a_spec_without_an_engine_has_nothing_to_check():
    with pytest.raises(VoiceAgentError, match=r"turn\.silence builds no engine"):
        check_engine(SILENCE)


def test_every_kind_has_a_contract_of_its_own_beyond_that_of_all():
    contracts = [set(contract(kind)) for kind in get_args(EngineKind)]
    common = set.intersection(*contracts)
    assert len(common) >= 10
    assert all(len(checks - common) >= 2 for checks in contracts)


def test_the_checks_need_no_pytest():
    code = "import voiceagent.testing.engine_contract, sys; print('pytest' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
