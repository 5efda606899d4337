"""Functions that the model may call; it should be one that was trained to call tools, such as that of laptop.yaml."""

import asyncio
from datetime import datetime

from voiceagent import Agent, tool

ORDERS: list[str] = []


def time_of_day() -> str:
    """Return the time."""  # what the model is told of it, like the types of the parameters
    return f"{datetime.now():%H:%M}"


@tool(timeout_s=30, on_interrupt="finish")  # an interruption does not cancel it
async def order(dish: str, portions: int = 1) -> str:
    """Order a dish in the kitchen."""
    await asyncio.sleep(2)  # a slow kitchen: after 1.5 s the agent says "One moment, please."
    ORDERS.append(f"{portions} x {dish}")
    return f"Ordered: {portions} {dish}. It takes twenty minutes."


agent = Agent(
    "laptop.yaml",
    system_prompt="You are a waiter on the telephone. Answer in one or two short spoken sentences.",
    greeting="Good evening, what can I get you?",
    tools=[time_of_day, order],
)

if __name__ == "__main__":
    agent.serve()
