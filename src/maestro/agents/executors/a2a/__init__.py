"""Agents elsewhere that are given work over A2A 1.0. Nothing they send is trusted."""
