"""Who did what, on whose behalf, where: an append-only log with a hash chain. Knows no other room."""
