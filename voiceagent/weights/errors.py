"""What can go wrong between a pinned model file and the file on this machine."""

from voiceagent.errors import VoiceAgentError


class WeightsError(VoiceAgentError):
    """A model file is missing, damaged or cannot be fetched, or the manifest is wrong; the message says what to do."""


class DiskFullError(WeightsError):
    """The disk is too full for a file. No other source would help, so none is tried."""
