"""Reporting a fault."""
