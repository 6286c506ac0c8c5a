"""A map job: one instruction over many functions, symbols or files."""
