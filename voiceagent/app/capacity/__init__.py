"""What fits this machine: memory before anything is loaded, callers while it runs."""
