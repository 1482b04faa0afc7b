"""Configuration: YAML with positions, variables, strict options, and faults a person can act on.

It knows no component: what keys mean is told by the options models that lie beside the components.
"""
