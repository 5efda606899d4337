"""What the server is given of the agent."""

from voiceagent.app.agent import Agent
from voiceagent.app.engines import model_names
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
        models=dict(model_names(settings)),
        ice_servers=settings.server.ice_servers,
        max_sessions=settings.server.max_sessions,
        capacity=agent.capacity,
        late=agent.late,
        settling=agent.settling,
    )
