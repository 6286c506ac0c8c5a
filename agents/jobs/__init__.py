"""Delegated work: its life in the database, the worker's part, the way back."""
