"""Inference engines, which run a trained network: Chainer, ONNX Runtime and OpenVINO.

Chainer runs the network itself (:mod:`~hourglass.engine.chainer_engine`).  ONNX Runtime and OpenVINO are faster: they
run it as one ONNX graph (:mod:`~hourglass.engine.networks`).  :func:`pretrained.engines.load_engine` chooses the
engine, and keeps the graphs in the cache folder (:mod:`~hourglass.engine.cache`), so that Chainer and the weights are
loaded only once.
"""
