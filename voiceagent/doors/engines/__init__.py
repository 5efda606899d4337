"""Engine streams for conversations that are held in other processes."""
