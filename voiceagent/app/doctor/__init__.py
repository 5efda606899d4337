"""What `voiceagent doctor` checks on a machine."""

from voiceagent.app.doctor.report import checkup
from voiceagent.engines.finding import Finding, Verdict

__all__ = ["Finding", "Verdict", "checkup"]
