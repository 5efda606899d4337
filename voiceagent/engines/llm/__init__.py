"""Language models: the contract, and one file a backend."""
