"""The smallest agent of one's own: run it with `python examples/hello.py`, or `uvicorn hello:app` in this folder."""

from voiceagent import Agent, tool


@tool(timeout_s=5)
async def weather(city: str) -> str:
    """Return the weather in a city."""
    return f"Sunny in {city}, 21 degrees."


agent = Agent("cpu.yaml", system_prompt="You are Robin, a cheerful guide.", greeting="Hi!", tools=[weather])


@agent.on("turn")
async def log(turn):
    print(turn.user_text, "->", turn.agent_text, turn.voice_to_voice_ms)


app = agent.asgi()  # uvicorn hello:app; whatever mounts ASGI mounts this
if __name__ == "__main__":
    agent.serve()
