"""The networks computed by GPU kernels of our own; imported only when used."""
