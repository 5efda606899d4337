"""The microphone and loudspeaker of this machine; only `portaudio.py` and `device.py` know PortAudio."""
