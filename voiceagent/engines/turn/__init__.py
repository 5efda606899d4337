"""Turn detection: the contract, and one file a backend."""
