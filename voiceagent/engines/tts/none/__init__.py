"""No voice."""
