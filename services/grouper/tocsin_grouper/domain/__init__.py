"""The fold: pure functions from recorded images to facts and state. No clock, no random, no I/O, no iteration over sets."""
