"""Agents: who can play a persona, which one is chosen, and how it works."""
