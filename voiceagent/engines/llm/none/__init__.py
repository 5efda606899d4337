"""No language model."""
