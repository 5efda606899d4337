"""What came of a suite, for people and for machines."""
