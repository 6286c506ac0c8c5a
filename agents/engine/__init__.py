"""The pure part: messages, the turn loop, streaming edits, tools. No Django, nothing of `ide`, no network."""
