"""The engines Maestro is measured against; each runs in a process and an environment of its own."""
