"""The doors by the names that the settings use (`doors`); each is imported when it is opened."""

from importlib import import_module

from voiceagent.doors.door import Door, DoorContext

_DOORS = {
    "page": "voiceagent.doors.page.door:PageDoor",
    "engines": "voiceagent.doors.engines.door:EnginesDoor",
    "rtvi": "voiceagent.doors.rtvi.door:RtviDoor",
    "services": "voiceagent.doors.services.door:ServicesDoor",
    "openai": "voiceagent.doors.openai.door:OpenAiDoor",
    "telephony": "voiceagent.doors.telephony.door:TelephonyDoor",
    "wyoming": "voiceagent.doors.wyoming.door:WyomingDoor",
    "realtime": "voiceagent.doors.realtime.door:RealtimeDoor",
}


def make_door(name: str, context: DoorContext) -> Door:
    """Make the door of a name. Raises KeyError for an unknown one, which the settings do not let through."""
    module, _, attribute = _DOORS[name].partition(":")
    door: Door = getattr(import_module(module), attribute)(context)
    return door
