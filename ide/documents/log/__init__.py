"""The log of documents: rows in groups, snapshots, epochs, and what may go. Knows no peers."""
