"""A job in the database: requested, queued, claimed, renewed, planned, ended. Synchronous ORM, nothing else."""
