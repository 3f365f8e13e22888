"""The journeys: one file each, always four beats: load, decide (core), commit, hand over effects.

The map of the files is README.md. Journeys do not call each other; what they need from outside stands in `ports`.
"""
