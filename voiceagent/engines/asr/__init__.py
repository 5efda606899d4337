"""Speech recognition: the contract, and one file a backend."""
