"""Sessions with a model: turns, what is said and queued, and what is left of them."""
