"""Sites, known by the devices that stand there, and what a customer means by one."""
