"""What survives: processes killed and paused at named points, and a checker that reads the history of every client."""
