#!/usr/bin/env python3
"""Write weights as a file in ONNX; ``--help`` explains the options."""

from pretrained.export_command import export

if __name__ == '__main__':
    export()
