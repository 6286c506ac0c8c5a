"""Where a model's tools act: the open rooms of a live workspace, or a job's worktree. Implements engine.tools."""
