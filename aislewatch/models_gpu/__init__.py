"""The networks again in the order a GPU likes, by kernels of our own; imported only when used."""
