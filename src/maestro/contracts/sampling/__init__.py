"""Pieces of the sampler: texts, patterns and merged schemas."""
