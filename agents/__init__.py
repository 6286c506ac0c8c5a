"""Models at work: turns and jobs. Uses the seam of `ide` (live host, rooms, runner client, usage meter), nothing more."""
