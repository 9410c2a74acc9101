"""Where everything an agent wrote runs. Light to import: every confined process starts here."""
