#!/usr/bin/env python3
"""Draw the pose of one person in a picture; ``--help`` explains the options."""

from demos.commands import person

if __name__ == '__main__':
    person()
