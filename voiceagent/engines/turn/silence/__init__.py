"""No turn detector: silence alone ends a turn."""
