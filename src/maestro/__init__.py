"""Maestro turns a software requirement into contract-verified software."""
