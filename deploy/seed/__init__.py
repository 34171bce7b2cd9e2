"""Demonstration data: an invented maker, three invented customers, their fleets and people.

`python -m deploy.seed --devices 240` brings it in through the product's own front doors: master records on the
back office's topics, and the services' HTTP interfaces.
"""
