"""The settings of single doors."""

from typing import Literal

from voiceagent.config.section import Section

ReportedCalls = Literal["none", "name", "full"]


class RtviSettings(Section):
    """The door `rtvi`, for Pipecat's clients (docs/rtvi.md)."""

    calls: ReportedCalls = "name"
    """What clients are told of calls of the agent's tools: that there are some, their names, or everything."""
