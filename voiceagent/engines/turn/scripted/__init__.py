"""A turn detector that follows a script."""
