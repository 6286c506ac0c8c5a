"""What became of a text: its timeline, who wrote what, and what undoing somebody would leave."""
