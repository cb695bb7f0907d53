"""Record formats, ids, topics and routes that every part of Tocsin shares."""
