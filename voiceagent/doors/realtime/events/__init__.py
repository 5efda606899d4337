"""What a Realtime client may send, a family of events in each file: typed, strict, and refused with what would work."""
