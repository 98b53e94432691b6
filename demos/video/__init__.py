"""Videos: the poses of all people in every frame; a person keeps number and colour.

A frame is read (:mod:`~demos.video.reader`); its people are found, tracked (:mod:`~demos.video.tracking`), smoothed
(:mod:`~demos.video.smoothing`) and drawn (:mod:`~demos.video.steps` joins these); the frame is written
(:mod:`~demos.video.writer`).  Each step has a thread of its own (:mod:`~demos.pipeline`).
:mod:`~demos.video.annotate` does all of it, from file to file.
"""
