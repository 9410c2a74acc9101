"""How quick and how well tested the core of the quality gates is."""
