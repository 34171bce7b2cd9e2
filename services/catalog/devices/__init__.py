"""Devices: what the back office and the customer say of them, and the boundary moments of their contracts."""
