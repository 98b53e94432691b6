#!/usr/bin/env python3
"""Draw poses over the live picture of a camera; ``--help`` explains the options."""

from demos.commands import webcam

if __name__ == '__main__':
    webcam()
