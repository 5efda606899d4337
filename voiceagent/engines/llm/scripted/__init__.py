"""A language model that follows a script."""
