"""Models at work: turns and jobs. Uses the seam of `ide` (host, rooms, runner client, usage meter), nothing more."""
