"""Which videos show the same footage, told by what moves in them and not by the room."""
