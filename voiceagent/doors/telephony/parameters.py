"""What a stream's custom parameters configure: only what the settings let them."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from voiceagent.doors.errors import BadRequestError
from voiceagent.session.config import ConversationConfig

FIELDS = {"prompt": "system_prompt", "greeting": "greeting", "voice": "voice", "language": "language"}


def configured(config: ConversationConfig, given: Mapping[str, str], allowed: Collection[str]) -> ConversationConfig:
    """Return the configuration of a call; parameters of other names are the caller's own business.

    Raises BadRequestError for one that is not allowed.
    """
    ours = {name: value for name, value in given.items() if name in FIELDS}
    if refused := ours.keys() - allowed:
        words = f"The parameter {min(refused)!r} is not allowed here: add it to telephony.parameters."
        raise BadRequestError("parameter_not_allowed", words)
    changes = {FIELDS[name]: value for name, value in ours.items()}
    return replace(config, **changes)  # type: ignore[arg-type]  # all four are texts
