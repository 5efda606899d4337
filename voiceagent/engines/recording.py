"""The lock that models hold while they record work for a GPU, or wait for all of it.

Engines load side by side, in several libraries. While one thread records a CUDA graph no other may synchronise the
whole device: the driver refuses it and spoils the recording, and llama.cpp then ends the process. PyTorch synchronises
at the start of each recording, llama.cpp records by itself when a step repeats. Needs neither of them.
"""

from threading import Lock

RECORDING = Lock()
"""Held while a graph may be recorded at load time, and while a thread waits for the whole device."""
