"""Visits: what dispatch and engineers tell, what customers answer."""
