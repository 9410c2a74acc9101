"""What it costs to start a command in a sandbox."""
