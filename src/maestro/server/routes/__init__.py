"""What can be asked for over HTTP, by subject; each part makes one router."""
