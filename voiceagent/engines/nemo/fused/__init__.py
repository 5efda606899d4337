"""What a GPU does in one kernel where torch's own functions take several; `operation.py` says how. Knows no model."""
