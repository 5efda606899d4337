"""The cost model learns from steps."""

from voiceagent.scheduler.costs import HISTORY, UNKNOWN_S, CostModel


def test_a_step_never_seen_is_predicted_with_caution():
    assert CostModel().predict(("llm.decode", 1)) == UNKNOWN_S


def test_predictions_are_an_upper_quartile_of_what_was_seen():
    costs = CostModel()
    for cost in (0.010, 0.010, 0.010, 0.050):
        costs.observe(("llm.decode", 1), cost)
    assert 0.010 < costs.predict(("llm.decode", 1)) <= 0.050


def test_old_truth_is_forgotten():
    costs = CostModel()
    for _ in range(HISTORY):
        costs.observe(("asr", 1), 0.5)
    for _ in range(HISTORY):
        costs.observe(("asr", 1), 0.1)
    assert costs.predict(("asr", 1)) == 0.1


def test_an_unseen_size_is_taken_from_its_nearest_neighbour():
    costs = CostModel({("tts", 1): 0.01, ("tts", 8): 0.08, ("asr", 2): 0.5})
    assert costs.predict(("tts", 2)) == 0.01
    assert costs.predict(("tts", 7)) == 0.08
