"""Finds videos that show the same footage, by what moves in them and not by the room."""
