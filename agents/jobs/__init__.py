"""Delegated work: its life in the database, the worker's part, the way back.

Rooms, from below: `rows` (a job in the database), `working` (one claimed job), `agent` and `maps` (the two kinds of
work), `result` (what came of it). Beside them the doors: `work` for the worker, `errands`, `feed`, `ops` for the host.
"""
