"""Opens every ONNX model: with threads that do not spin, and errors that name the remedy.

Knows nothing of what the models do.
"""

from collections.abc import Callable
from pathlib import Path

import onnxruntime as ort

from voiceagent.errors import VoiceAgentError

PULL = "Check it: voiceagent weights verify; fetch it again: voiceagent weights pull"


def open_session(
    path: Path,
    threads: int,
    *,
    reveal: str | None = None,
    rewrite: Callable[[bytes], bytes] | None = None,
    remedy: str = PULL,
) -> ort.InferenceSession:
    """Load the model file at `path` for the CPU with `threads` threads.

    `reveal` names an inner value of an `.onnx` model to return after its own outputs; `rewrite` changes the serialised
    model. Raises VoiceAgentError, with the file and the remedy, for a file that is missing, truncated or not such a
    model, and what `rewrite` does.
    """
    if not path.is_file():
        raise VoiceAgentError(f"Model file {path} is missing. {remedy}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised and need not be printed as well
    # Threads that spin while they wait take the core from other lanes (measured with ggml: 20x slower on 2 cores).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A memory plan is kept for every input length ever seen: in a long conversation that is a leak.
    options.enable_mem_pattern = False
    model: str | bytes = str(path)
    if rewrite is not None:
        model = rewrite(path.read_bytes())
    elif reveal is not None:
        model = path.read_bytes() + _output(reveal)
    try:
        return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise VoiceAgentError(f"Model file {path} cannot be loaded ({error}). {remedy}") from error


def _output(name: str) -> bytes:
    """Return the bytes that add an output to a serialised model: protobuf merges concatenated messages.

    ModelProto.graph is field 7, GraphProto.output field 12, ValueInfoProto.name field 1 (onnx.proto).
    """
    message = name.encode()
    for field in (1, 12, 7):
        assert len(message) < 128, "longer fields have longer lengths"
        message = bytes((field << 3 | 2, len(message))) + message
    return message
