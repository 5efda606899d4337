"""The `voiceagent` command: the command line, on top of everything else."""
