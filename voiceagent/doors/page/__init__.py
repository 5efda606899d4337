"""The page of the built-in server, and the JSON messages it exchanges with a session."""
