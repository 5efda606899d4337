"""OpenAI's Realtime protocol: over a WebSocket, and over WebRTC (docs/realtime.md)."""
