"""The list of devices, and the page of one."""
