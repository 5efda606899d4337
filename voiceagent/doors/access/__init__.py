"""Who may come in: hosts, origins, tokens and rates, for every door."""

from voiceagent.doors.access.access import Access
from voiceagent.doors.access.cors import cors
from voiceagent.doors.access.gate import Gate
from voiceagent.doors.access.rate import Bucket, Rates

__all__ = ["Access", "Bucket", "Gate", "Rates", "cors"]
