"""What agents outside of this process hand in: looked at, written by us, checked by us."""
