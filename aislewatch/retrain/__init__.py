"""What there is to learn from, and what came of it; the flow `retrain` acts on both."""
