"""Smart Turn's file is changed as it is read, so that it listens to less than 8 s."""

import numpy as np
import onnxruntime as ort
import pytest
from embedded import RATE, in_room, model_file, said, smart_turn

from voiceagent.engines.drive import drive
from voiceagent.engines.turn.contract import TurnEvent, TurnPrediction
from voiceagent.engines.turn.smart_turn.log_mel import log_mel
from voiceagent.engines.turn.smart_turn.window import POSITIONS, shortened
from voiceagent.errors import VoiceAgentError


@pytest.fixture(scope="module")
def file():
    return model_file("smart-turn-3.2", "smart-turn-v3.2-cpu.onnx").read_bytes()


def judgement(model, features):
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    return float(session.run(None, {"input_features": features[np.newaxis]})[0][0, 0])


@pytest.mark.models
def test_a_file_that_is_rewritten_at_its_own_length_judges_as_before(file):
    features = log_mel(in_room(said("I would like to know when the train leaves."), after_s=0.1))
    assert judgement(shortened(file, POSITIONS), features) == judgement(file, features)


@pytest.mark.models
@pytest.mark.parametrize("positions", [75, 150, 399])
def test_a_shorter_one_takes_the_features_of_the_latest_audio(file, positions):
    features = log_mel(in_room(said("I would like to know when the train leaves."), after_s=0.1), 2 * positions)
    assert features.shape == (80, 2 * positions)
    assert judgement(shortened(file, positions), features) > 0.5


@pytest.mark.models
def test_what_was_said_before_its_window_changes_nothing():
    engine = smart_turn()
    engine.load()
    events: list[TurnEvent] = []
    stream = engine.open(events.append)
    sentence = in_room(said("I would like to know when the next train to the mountains leaves."), after_s=0.1)
    for fork, before in enumerate((np.zeros(0, np.float32), 0.3 * np.ones(4 * RATE, np.float32))):
        stream.predict(fork, np.concatenate((before, sentence)), 1.0)
        drive(engine)
    first, second = [event.probability for event in events if isinstance(event, TurnPrediction)]
    assert len(sentence) > 3 * RATE
    assert first == second
    engine.close()


@pytest.mark.parametrize("file", [b"", b"\x08\x08", b"\x3a\x02\x0a\x00", b"\x3a\x02\x2a\x00"])
def test_another_model_cannot_be_shortened_and_says_what_to_set(file):
    with pytest.raises(VoiceAgentError, match=r"turn\.window_s"):
        shortened(file, 150)


@pytest.mark.parametrize("file", [b"\x3a\x80", b"\xff", b"\x0b\x01\x02", b"not a model"])
def test_what_is_no_model_is_refused(file):
    with pytest.raises(VoiceAgentError):
        shortened(file, 150)
