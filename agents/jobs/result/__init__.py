"""What a job made: reviewed, suggested, taken over, merged once. On the host."""
