"""A recogniser that follows a script."""
