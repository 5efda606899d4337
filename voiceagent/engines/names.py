"""What people call the parts of an agent, for messages that they read."""

_NAMES = {
    "asr": "speech recogniser",
    "llm": "language model",
    "tts": "voice",
    "vad": "speech detector",
    "turn": "turn detector",
}


def name_of(lane: str) -> str:
    """Return what people call the engine on a lane; the lane's own name where it has no other."""
    return _NAMES.get(lane, lane)
