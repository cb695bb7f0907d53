"""The handler's ports over real things."""
