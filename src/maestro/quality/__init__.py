"""Quality: what is measured, what is demanded, and whether a phase may close."""
