"""No recogniser."""
