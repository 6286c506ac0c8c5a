"""A document and its file on disk: saved, and merged when something else changed it. Knows no peers and no git."""
