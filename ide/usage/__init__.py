"""The ledger of what models cost, and the budgets. Knows no providers and no jobs."""
