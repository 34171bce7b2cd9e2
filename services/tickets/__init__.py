"""Tickets with their visits, service-level clocks and parties."""
