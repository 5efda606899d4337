"""`voiceagent up` and its sisters: the agent in a container, over Docker or Podman."""
