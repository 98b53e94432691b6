"""Videos: the poses of everybody in every frame, with numbers and colours that stay with a person.

A frame is read (:mod:`~hourglass.video.reader`), its people are found, recognised (:mod:`~hourglass.video.tracking`),
steadied (:mod:`~hourglass.video.smoothing`) and drawn (:mod:`~hourglass.video.steps` puts these together), and it is
written (:mod:`~hourglass.video.writer`), each step in a thread of its own (:mod:`~hourglass.video.pipeline`).
:mod:`~hourglass.video.annotate` is the whole way from file to file.
"""
