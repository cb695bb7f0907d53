"""What may be asked, how it becomes one statement, and what an answer looks like: pure."""
