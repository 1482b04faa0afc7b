"""What a remote system's API offers, as data: entities, their fields, and what a call of them means.

The data lies in `data/<connector>/`; `schema` says how its files look. Nothing here reaches the network.
"""
