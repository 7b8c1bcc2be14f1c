"""Predictions: images in, classes out."""
