"""What the server is given of the agent."""

from voiceagent.app.agent import Agent
from voiceagent.server.doorkeeper import Household


def household(agent: Agent) -> Household:
    """Introduce the agent to the server."""
    settings = agent.settings
    return Household(
        open_session=agent.open_session,
        readiness=agent.readiness,
        metrics=agent.metrics,
        steps=agent.steps,
        models={
            "asr": settings.asr.model if settings.asr.engine != "scripted" else "scripted",
            "llm": settings.llm.model if settings.llm.engine != "scripted" else "scripted",
            "tts": f"{settings.tts.engine} ({settings.tts.voice})",
        },
        ice_servers=settings.server.ice_servers,
        max_sessions=settings.server.max_sessions,
    )
