"""The story "from mine to recycler": README.md tells it."""
