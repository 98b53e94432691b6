"""Videos: the poses of everybody in every frame, with numbers and colours that stay with a person.

A frame is read (:mod:`~demos.video.reader`), its people are found, recognised (:mod:`~demos.video.tracking`),
steadied (:mod:`~demos.video.smoothing`) and drawn (:mod:`~demos.video.steps` puts these together), and it is
written (:mod:`~demos.video.writer`), each step in a thread of its own (:mod:`~demos.video.pipeline`).
:mod:`~demos.video.annotate` is the whole way from file to file.
"""
