"""Compiled kernels and small array functions that families share: arrays in, arrays out."""
