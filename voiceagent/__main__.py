"""`python -m voiceagent`: the same command as `voiceagent`."""

from voiceagent.cli.main import main

main()
