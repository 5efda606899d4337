"""What `voiceagent doctor` asks of a machine."""

from voiceagent.app.checkup.finding import Finding, Verdict
from voiceagent.app.checkup.report import checkup

__all__ = ["Finding", "Verdict", "checkup"]
