"""``python -m training``: what ``train.py`` is in a checkout."""

from training.options import training

if __name__ == '__main__':
    training()
