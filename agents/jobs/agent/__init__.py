"""An agent job: the turn loop with tools in a worktree, and the parts it hands on."""
