"""Who may come in: hosts, origins, tokens and rates, for every door."""

from voiceagent.doors.access.access import Access
from voiceagent.doors.access.gate import Gate
from voiceagent.doors.access.rate import Bucket, Rates
from voiceagent.doors.access.token import page_address, require_guard

__all__ = ["Access", "Bucket", "Gate", "Rates", "page_address", "require_guard"]
