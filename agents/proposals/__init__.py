"""What turns and jobs leave for people to decide on, and how it is taken back."""
