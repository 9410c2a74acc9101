"""The road: the only place where planning, contracts, agents, quality and workflow meet."""
