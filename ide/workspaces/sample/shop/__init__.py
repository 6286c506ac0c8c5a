"""A corner shop: catalogue, basket, till."""
