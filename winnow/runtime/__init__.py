"""Trained networks at work, without torch."""
