"""What people read of a provider's error."""

from __future__ import annotations

from agents.providers.protocol import RateLimited


def test_a_limit_says_how_long_it_lasts_where_the_provider_told() -> None:
    assert "again in 30 s" in RateLimited("slow down", retry_after=29.6).sentence
    assert "again in" not in RateLimited("slow down").sentence
