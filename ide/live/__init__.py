"""The live side of a workspace: its host, the main socket, the table of ops. Knows no models of AI."""
