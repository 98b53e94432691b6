#!/usr/bin/env python3
"""Draw the poses of all people in pictures, or in a video; ``--help`` explains the options."""

from demos.commands import people

if __name__ == '__main__':
    people()
