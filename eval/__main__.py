"""``python -m eval``: what ``eval.py`` is in a checkout."""

from eval.options import evaluation

if __name__ == '__main__':
    evaluation()
