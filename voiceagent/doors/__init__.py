"""The door: WebRTC, HTTP and the page."""
