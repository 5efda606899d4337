from voiceagent.evals.scenario import Scenario as Scenario
