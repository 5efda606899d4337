"""No engine: a role that is left out (`asr.engine: none`), so that nothing is loaded for it.

What is left serves by itself; a conversation needs all three, so its doors stay shut (`doors/app.py`).
"""

from typing import Any

from voiceagent.engines.spec import BuildContext, EngineSpec
from voiceagent.engines.steps import Steps, Talk, no_steps

NONE = "none"
"""The name of an engine that is not there."""


class AbsentSpec(EngineSpec[Any]):
    """Describes what is not there."""

    absent = True

    def build(self, settings: Any, context: BuildContext) -> None:
        """Return None."""

    def steps(self, settings: Any, talk: Talk) -> Steps:
        """Return no steps."""
        return no_steps(self.kind, talk)
