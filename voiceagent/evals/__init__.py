"""Conversations as data, held with an agent and judged."""
