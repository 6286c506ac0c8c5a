"""Help at the cursor and around it: ghost text, quick acts, commit messages."""
