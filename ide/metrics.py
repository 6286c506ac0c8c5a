"""Counters and histograms; who reads them is not known here. Exposed in Prometheus' text format at /metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

sockets = Gauge("tandem_sockets", "Open main sockets.")
rooms = Gauge("tandem_rooms", "Documents that are live in this process.")
updates = Counter("tandem_updates", "Document updates received from people.")
update_bytes = Counter("tandem_update_bytes", "Bytes of document updates received from people.")
quarantined = Counter("tandem_quarantined", "Document updates that were refused and kept aside.")
limited = Counter("tandem_limited", "Times a limit of the main socket was met.", ["limit"])
commit_seconds = Histogram(
    "tandem_commit_seconds",
    "Time from an update's arrival to its commit.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
turns = Counter("tandem_turns", "Turns by how they ended.", ["state"])
model_tokens = Counter(
    "tandem_model_tokens", "Tokens a model read (input) or wrote (output).", ["endpoint", "direction"]
)
first_token_seconds = Histogram(
    "tandem_first_token_seconds",
    "Time from a request to the first token.",
    ["endpoint"],
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 20),
)
provider_errors = Counter("tandem_provider_errors", "Provider errors by kind.", ["endpoint", "kind"])
jobs = Counter("tandem_jobs", "Jobs by how they ended.", ["state"])
limits_reached = Counter("tandem_limits_reached", "Times a limit of model use was reached.", ["of", "measure"])
