"""Workspaces: a git repository on the server, its files and who holds it live. Knows no documents and no models."""
