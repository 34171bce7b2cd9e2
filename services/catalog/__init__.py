"""Models, devices, contract lines, groups and grants."""
