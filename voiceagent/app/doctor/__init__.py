"""What `voiceagent doctor` checks on a machine."""

from voiceagent.app.doctor.gpu import try_gpus
from voiceagent.app.doctor.report import checkup
from voiceagent.engines.finding import Finding, Verdict

__all__ = ["Finding", "Verdict", "checkup", "try_gpus"]
