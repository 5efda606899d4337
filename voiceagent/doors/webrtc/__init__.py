"""A caller over WebRTC: audio both ways, and an opaque data channel."""
