"""Inference engines: what runs a trained network.

Chainer does (:mod:`~hourglass.engine.chainer_engine`); faster is the network as one graph in ONNX
(:mod:`~hourglass.engine.networks`), run by ONNX Runtime or OpenVINO.  :func:`pretrained.engines.load_engine`
chooses, and keeps the graphs in the cache folder (:mod:`~hourglass.engine.cache`), so that Chainer and the weights
are read only once.
"""
