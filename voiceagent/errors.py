"""The base of every error that is meant to be read by a person."""


class VoiceAgentError(Exception):
    """Something the user or operator can mend; the message says what happened and what to do next."""
