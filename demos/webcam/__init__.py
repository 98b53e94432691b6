"""Poses over the live picture of a camera: a page for the browser with its server, and a window of OpenCV.

:mod:`~demos.webcam.finder` finds poses in one frame after another, :mod:`~demos.webcam.server` answers the
page in ``page/`` and scripts, :mod:`~demos.webcam.window` needs no browser.
"""
