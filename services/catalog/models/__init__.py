"""Models as data: counters, consumables, error-code family, links."""
