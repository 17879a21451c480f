"""What the sidecar keeps: one SQLite file in its home folder."""
