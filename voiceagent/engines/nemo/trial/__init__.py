"""What only a GPU can show, tried on the one that is here: `voiceagent doctor --gpu`."""
