"""Finds people in footage and follows them; cuts squares of them, makes features of those."""
