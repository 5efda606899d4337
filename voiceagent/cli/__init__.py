"""The `voiceagent` command: what a person types, and nothing that the parts below should know."""
