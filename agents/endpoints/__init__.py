"""Configured models: which one is asked, what it can do, what it may use and has used."""
