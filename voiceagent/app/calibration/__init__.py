"""What steps cost on this device with these settings: measured once, kept in a file, known from the first call on."""

from voiceagent.app.calibration.form import Calibration
from voiceagent.app.calibration.lookup import Lookup, costs_for, device_name, find

__all__ = ["Calibration", "Lookup", "costs_for", "device_name", "find"]
