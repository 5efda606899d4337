"""A file of turns as one page for people."""

from voiceagent.trace.report.page import page
from voiceagent.trace.report.turns import Turn, TurnsError, read_turns

__all__ = ["Turn", "TurnsError", "page", "read_turns"]
