"""Specs, as they are sent.

The descriptions of their fields are the only help text: OpenAPI, the command line and the docs show them.
"""
