"""The pages: a folder for each area with its routes, view models, templates and styles; base and components beside.

An area is taken away with its folder, its name in `areas.py` and its line in `base/navigation.py`.
"""
