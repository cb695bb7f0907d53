"""What a worker does with its partitions: find where to go on, map batches, write them in order."""
