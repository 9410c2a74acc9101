"""Nouns: frozen values and pure functions. Nothing in here does I/O."""
