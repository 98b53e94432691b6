"""Fast functions for the network's layers on the CPU (NumPy) and on a GPU (CuPy)."""
