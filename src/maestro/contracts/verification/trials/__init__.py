"""Trials of a running provider that are made from its OpenAPI document alone, whoever wrote it."""
