"""Doors with ports of their own let in all who reach them: only this machine, unless the settings say otherwise."""

import asyncio

import pytest
from telephones import free_port

from voiceagent.app.agent import Agent
from voiceagent.app.settings import load_settings
from voiceagent.doors.app import create_app
from voiceagent.errors import VoiceAgentError

DOORS = {
    "wyoming": ("wyoming.host", "wyoming.port"),
    "telephony": ("telephony.audiosocket_host", "telephony.audiosocket_port"),
}


async def opened(*sets):
    """Open the doors of settings."""
    settings = load_settings("scripted.yaml", sets).settings
    app = create_app(Agent(settings), settings)
    async with app.router.lifespan_context(app):
        return True


@pytest.mark.parametrize("door", DOORS)
def test_beyond_this_machine_a_port_without_a_password_must_be_wanted(door):
    host, port = DOORS[door]
    sets = (f"doors=[{door}]", f"{host}=0.0.0.0", f"{port}={free_port()}")
    with pytest.raises(VoiceAgentError, match=f"The door {door}.* would listen on 0.0.0.0.*server.open=true"):
        asyncio.run(opened(*sets, "server.token=a-token-that-nobody-can-give-here"))
    assert asyncio.run(opened(*sets, "server.open=true"))
    assert asyncio.run(opened(sets[0], sets[2]))


def test_audiosocket_is_left_out_where_no_port_is_given():
    assert asyncio.run(opened("doors=[telephony]", "telephony.audiosocket_port=null"))
