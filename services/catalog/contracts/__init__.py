"""Contract lines: their validity, what they entitle to, and the devices that they are for."""
