"""Executors: the ways in which an agent does an assignment."""
