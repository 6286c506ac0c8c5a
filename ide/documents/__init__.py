"""Shared documents: the wire, the live room, the log, the bridge to disk. Knows no sockets and no models."""
