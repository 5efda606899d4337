"""One conversation: a pure state machine, and the coordinator that carries out its effects."""
