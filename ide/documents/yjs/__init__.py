"""Yjs as bytes and as text: updates read, replicas kept, positions that stay. Knows no peers and no database."""
