"""What a GPU would be given by each step that is recorded as a graph, found on a machine without one."""
