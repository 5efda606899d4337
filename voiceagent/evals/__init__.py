"""Conversations as data, held with an agent and judged: `voiceagent evaluate`, and the same in tests of your own.

from voiceagent.evals import evaluate, load_scenarios

def test_the_agent_keeps_to_its_scenarios():
    for result in evaluate(load_scenarios("scenarios")):
        assert result.passed, "\\n".join(result.failures)
"""

from voiceagent.evals.files import ScenarioError as ScenarioError
from voiceagent.evals.files import Written as Written
from voiceagent.evals.files import load_scenarios as load_scenarios
from voiceagent.evals.record import Record as Record
from voiceagent.evals.scenario import Scenario as Scenario
from voiceagent.evals.suite import Result as Result
from voiceagent.evals.suite import Run as Run
from voiceagent.evals.suite import evaluate as evaluate
