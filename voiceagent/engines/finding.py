"""The result of one check of `voiceagent doctor`."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How the check went, from good to broken."""

    OK = "ok"
    SKIPPED = "skipped"
    """Not checked; the finding says why."""
    WARNING = "warning"
    """It will run, but perhaps not as expected."""
    PROBLEM = "problem"
    """It will not run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    verdict: Verdict
    text: str
    remedy: str = ""
    """How to fix it."""


def ok(check: str, text: str) -> Finding:
    """Return a finding without anything to fix."""
    return Finding(check, Verdict.OK, text)


def skipped(check: str, text: str) -> Finding:
    """Return a finding for what was not checked."""
    return Finding(check, Verdict.SKIPPED, text)


def warning(check: str, text: str, remedy: str = "") -> Finding:
    """Return a finding for what may not work as expected."""
    return Finding(check, Verdict.WARNING, text, remedy)


def problem(check: str, text: str, remedy: str) -> Finding:
    """Return a finding for what is broken."""
    return Finding(check, Verdict.PROBLEM, text, remedy)
