"""The rules and thresholds that the settings ship with, some of them changed."""

from dataclasses import replace

from voiceagent.app.conversation import conversation_config
from voiceagent.app.settings import default_settings

SHIPPED = conversation_config(default_settings())
THRESHOLDS = SHIPPED.thresholds


def rules(*, idle_s=0.0, greet=True, **changes):
    """Return the rules of a conversation that begins with a greeting and is never nudged, unless told otherwise."""
    return replace(SHIPPED.rules, idle_s=idle_s, greet=greet, **changes)
