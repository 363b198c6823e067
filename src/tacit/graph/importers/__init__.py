"""Importers: torch, scikit-learn, ONNX. Each is imported only when it is called."""
