"""Tools for tests."""

import asyncio
import time
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from voiceagent.tools import tool


class Unit(Enum):
    CELSIUS = "celsius"
    KELVIN = "kelvin"


class Place(BaseModel):
    name: str
    country: str = "France"


@dataclass
class Forecast:
    city: str
    degrees: int


def get_weather(city: str, days: int = 1, unit: Literal["celsius", "kelvin"] = "celsius") -> str:
    """Look up the weather.

    For the next days only.

    Args:
        city: Name of the city,
            in English.
        days (int): How many days.

    Returns:
        The weather.
    """
    return f"{city}: sunny for {days} days, in {unit}"


async def forecast(city: str) -> Forecast:
    """Forecast the temperature."""
    await asyncio.sleep(0)
    return Forecast(city, 21)


def visit(place: Place, schema: Annotated[list[int], Field(description="Hours of the day.")], unit: Unit) -> str:
    """Plan a visit."""
    return f"{place.name} ({place.country}) at {schema} in {unit.name}"


def forget() -> None:
    """Forget everything."""


@tool(timeout_s=0.5, on_interrupt="finish")
async def book(table: int) -> str:
    """Book a table."""
    return f"table {table} is booked"


def undocumented(city: str) -> str:
    return city


def untyped(city):
    """Look up."""


def variadic(*cities: str) -> None:
    """Look up."""


def untold(place: time.struct_time | object, when: asyncio.Future) -> None:
    """Look up."""


def unheard_of(city: "Nowhere") -> None:  # noqa: F821
    """Look up."""


not_a_function = 5
