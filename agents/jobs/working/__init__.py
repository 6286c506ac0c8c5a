"""One claimed job: its lease kept, its worktree, what is told of it, kept of it and seen of it meanwhile. No model."""
