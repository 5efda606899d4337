"""The echo room: a simulated one, and one with a sound server's devices, in real time."""
