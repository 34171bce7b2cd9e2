"""The servers and services on one machine without Docker: set-up, start, watch, stop.

`python3 -m deploy.local --help` lists the commands; `deploy/README.md` explains them.
"""
