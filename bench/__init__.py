"""How fast the engine is, against the floor of the same disk and against its peers."""
