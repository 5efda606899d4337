"""How many callers to admit: a forecast of what callers would hear if one more joined, kept up to date."""

from voiceagent.engines.steps import Listening, Work, Works
from voiceagent.scheduler.admission.admission import Admission
from voiceagent.scheduler.admission.demand import Demand
from voiceagent.scheduler.admission.forecast import Forecast, simulate
from voiceagent.scheduler.admission.punctuality import Punctuality

__all__ = ["Admission", "Demand", "Forecast", "Listening", "Punctuality", "Work", "Works", "simulate"]
