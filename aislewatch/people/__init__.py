"""Finds people in the footage, follows them, cuts their squares, and makes features of those."""
