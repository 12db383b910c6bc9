"""Recurrent cells: one file each, with its equations, its step, its scan and its ONNX form."""
