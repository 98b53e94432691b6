"""Poses over the live picture of a camera: a page for the browser with its server, and a window of OpenCV.

:mod:`~hourglass.webcam.finder` finds poses in one frame after another, :mod:`~hourglass.webcam.server` answers the
page in ``page/`` and scripts, :mod:`~hourglass.webcam.window` needs no browser.
"""
