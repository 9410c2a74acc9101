"""The executor that works from template packages and needs no model."""
