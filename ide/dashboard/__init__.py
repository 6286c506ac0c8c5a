"""Staff pages and live figures. Reads everything in `ide`; `agents` registers its panels at start-up."""
