"""The fold: images to incidents."""
