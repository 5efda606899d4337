"""The base of every group of settings."""

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

BROKEN_ORDER = "broken_order"
"""The type of the validation error for two settings that contradict each other; its context names both."""


class Section(BaseModel):
    """The base of every group of settings."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,  # it may be a secret
        validate_default=True,
        use_attribute_docstrings=True,
    )

    def _check_order(self, smaller: str, larger: str) -> None:
        """Refuse `smaller` > `larger`, both names of fields of this section."""
        if getattr(self, smaller) > getattr(self, larger):
            names = {"smaller": smaller, "larger": larger}
            raise PydanticCustomError(BROKEN_ORDER, "{smaller} must not exceed {larger}", names)
