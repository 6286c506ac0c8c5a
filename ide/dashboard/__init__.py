"""Staff pages and live figures. Reads everything in `ide` and the metrics; `agents` registers its panels at start-up."""
