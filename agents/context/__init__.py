"""What goes into a model's window: what was said, shown, pinned and found, within what fits."""
