"""What the server is given of the agent."""

from voiceagent.app.agent import Agent
from voiceagent.config.settings import ASR, LLM
from voiceagent.doors.connections import Household


def household(agent: Agent) -> Household:
    """Introduce the agent to the server."""
    settings = agent.settings
    return Household(
        open_session=agent.open_session,
        readiness=agent.readiness,
        lost=agent.lost,
        troubles=agent.troubles,
        metrics=agent.metrics,
        steps=agent.steps,
        models={
            "asr": model_name(settings.asr),
            "llm": model_name(settings.llm),
            "tts": f"{settings.tts.engine} ({settings.tts.voice})",
        },
        ice_servers=settings.server.ice_servers,
        max_sessions=settings.server.max_sessions,
        capacity=agent.capacity,
        late=agent.late,
        settling=agent.settling,
    )


def model_name(settings: ASR | LLM) -> str:
    """Return what people are told that they talk to."""
    return "scripted" if settings.engine == "scripted" else settings.model
