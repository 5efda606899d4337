"""Seeing inside: what a turn was, which steps ran, and how both become lines, numbers and pictures."""

from voiceagent.trace.steps import StepLog, StepRecord
from voiceagent.trace.turn import MARKS, Mark, Outcome, Span, TurnTrace

__all__ = ["MARKS", "Mark", "Outcome", "Span", "StepLog", "StepRecord", "TurnTrace"]
