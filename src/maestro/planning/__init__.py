"""From a requirement's text to an analysis, a team and a build workflow."""
