"""What can go wrong between a pinned model file and the file on this machine."""

from voiceagent.errors import VoiceAgentError


class WeightsError(VoiceAgentError):
    """A model file is missing, damaged or cannot be had, or the manifest is wrong; the message says what to do."""


class DiskFullError(WeightsError):
    """There is no room for a file. No other source would help, so nothing further is tried."""
