"""Every endpoint of every service and of the portal, asked by every kind of caller, against the table of actions."""
