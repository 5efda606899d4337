from pathlib import Path
from typing import Any

import numpy as np
import pytest
from embedded import RATE, in_room, said, smart_turn

from voiceagent.engines.drive import drive
from voiceagent.engines.turn.contract import TurnEvent, TurnPrediction
from voiceagent.engines.turn.smart_turn.engine import SmartTurnEngine


class Sure:
    """A model that is sure of itself."""

    def run(self, _: None, feed: dict[str, Any]) -> list[np.ndarray]:
        assert feed["input_features"].shape == (1, 80, 800)
        assert feed["input_features"].dtype == np.float32
        return [np.array([[0.75]], np.float32)]


def test_features_and_model_are_two_steps() -> None:
    engine = SmartTurnEngine(Path("nowhere"))
    sure: Any = Sure()
    engine._session = sure
    events: list[TurnEvent] = []
    stream = engine.open(events.append)
    stream.predict(3, np.zeros(RATE, np.float32), 1.0)
    keys = []
    while (batch := engine.pending(0.0)) is not None:
        keys.append(batch.cost_key[0])
        engine.deliver(batch, engine.run(batch))
    assert keys == ["turn.features", "turn.model"]
    assert events == [TurnPrediction(3, 0.75)]
    engine.close()
    assert engine.pending(0.0) is None


@pytest.mark.models
def test_a_whole_sentence_is_complete_and_half_of_it_is_not() -> None:
    engine = smart_turn()
    engine.load()
    events: list[TurnEvent] = []
    stream = engine.open(events.append)
    sentence = said("I would like to know when the next train to the mountains leaves.")
    for fork, share in enumerate((1.0, 0.55)):
        stream.predict(fork, in_room(sentence[: int(len(sentence) * share)], after_s=0.2), 1.0)
        drive(engine)
    whole, half = [event.probability for event in events if isinstance(event, TurnPrediction)]
    assert whole > 0.5 > half
    engine.close()
