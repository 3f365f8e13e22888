"""Runnable stories: one folder each."""
