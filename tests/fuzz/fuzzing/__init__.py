"""Seeded generators of damaged inputs, by kind, and the judgement of how reidgen takes them."""
