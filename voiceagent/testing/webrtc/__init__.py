"""A caller over WebRTC: of a running server, through the door of its page."""
