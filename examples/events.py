"""Events, and speaking unasked: a kitchen timer that the model sets and that speaks when it rings."""

import asyncio
from pathlib import Path

from voiceagent import Agent, Session, tool

WAITING: list[tuple[int, str]] = []


@tool
def set_timer(minutes: int, purpose: str) -> str:
    """Set a timer."""
    WAITING.append((minutes, purpose))
    return f"The timer is set: {minutes} minutes."


agent = Agent(
    "laptop.yaml",
    system_prompt="You are a kitchen timer that likes to chat. Answer in one short spoken sentence.",
    greeting="What shall I time?",
    tools=[set_timer],
)


async def ring(session: Session, minutes: int, purpose: str) -> None:
    await asyncio.sleep(60 * minutes)
    session.say(f"Ring! Your {purpose} is ready.")


@agent.on("tool")
async def start(used):
    while WAITING:
        ringing = asyncio.create_task(ring(used.session, *WAITING.pop()))
        ringing.add_done_callback(lambda task: task.exception())


@agent.on("turn")
def note(turn):  # an ordinary function: in a thread, where it may block
    with Path("talk.txt").open("a", encoding="utf-8") as file:
        print(f"> {turn.user_text}\n  {turn.agent_text}", file=file)


if __name__ == "__main__":
    agent.serve()
