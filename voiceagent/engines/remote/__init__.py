"""What engines share whose model is in another voiceagent process: a thread that talks to it, and requests in order."""
