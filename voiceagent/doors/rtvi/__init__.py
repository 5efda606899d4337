"""The door of Pipecat's clients: RTVI messages over WebRTC (SmallWebRTC) or a WebSocket (docs/rtvi.md)."""
