"""What is remembered: the SQLite store with its journal, and the artefact folder."""
