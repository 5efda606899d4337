"""What one question of `voiceagent doctor` came to."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How it stands, from well to broken."""

    OK = "ok"
    SKIPPED = "skipped"
    """Not looked at, and the finding says why."""
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
    """What mends it."""


def ok(check: str, text: str) -> Finding:
    """All well."""
    return Finding(check, Verdict.OK, text)


def skipped(check: str, text: str) -> Finding:
    """Not looked at."""
    return Finding(check, Verdict.SKIPPED, text)


def warning(check: str, text: str, remedy: str = "") -> Finding:
    """Not as it might be."""
    return Finding(check, Verdict.WARNING, text, remedy)


def problem(check: str, text: str, remedy: str) -> Finding:
    """Broken."""
    return Finding(check, Verdict.PROBLEM, text, remedy)
