"""What `voiceagent doctor` asks of a machine."""

from voiceagent.app.doctor.finding import Finding, Verdict
from voiceagent.app.doctor.report import checkup

__all__ = ["Finding", "Verdict", "checkup"]
