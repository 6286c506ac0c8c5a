"""The workplace people share: who, where, which text, live. Never imports `agents`."""
