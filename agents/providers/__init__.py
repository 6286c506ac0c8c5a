"""Vendor adapters: one dialect a file, each an engine.messages.Provider. Know nothing of Django, rooms or jobs."""
