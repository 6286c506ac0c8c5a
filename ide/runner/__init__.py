"""A process of its own that starts every child: no Django settings, no secrets, no database.

Only `client` is imported by others.
"""
