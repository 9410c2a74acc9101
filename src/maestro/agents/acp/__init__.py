"""Coding agents on the user's machine, spoken to over the Agent Client Protocol."""
