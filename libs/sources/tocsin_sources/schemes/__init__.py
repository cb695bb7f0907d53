"""Ways to authenticate that only some senders have; `signature` has the seam and the common ones."""
