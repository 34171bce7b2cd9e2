"""Signing in and out, the profile, and where somebody is signed in."""
