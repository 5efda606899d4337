"""How every ONNX model of the house is opened: one thread that does not spin, and errors that name the remedy.

It knows nothing of what the models do.
"""

from pathlib import Path

import onnxruntime as ort

from voiceagent.errors import VoiceAgentError


def open_session(path: Path, threads: int) -> ort.InferenceSession:
    """Load the model file at `path` for the CPU with `threads` intra-op threads.

    Raises VoiceAgentError that names the file where it is missing, truncated or not a model.
    """
    if not path.is_file():
        raise VoiceAgentError(f"Model file {path} is missing. Fetch it: voiceagent weights pull")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that wait by spinning take the core from the other lanes (measured with ggml: 20x slower on 2 cores).
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A memory plan is kept for every input length ever seen: in a long talk that is a leak.
    options.enable_mem_pattern = False
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise VoiceAgentError(
            f"Model file {path} cannot be loaded ({error}). "
            "Check it: voiceagent weights verify; fetch it again: voiceagent weights pull"
        ) from error
