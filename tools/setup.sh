#!/bin/sh
# Create .venv (or the folder in $VENV) and install this project with the extras named on the command line.
# Run by `make setup`; safe to run again at any time, also after it was interrupted.
set -eu

venv=${VENV:-.venv}

fail() {
    echo "setup: $*" >&2
    exit 2
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

# An explicit PYTHON is used or refused; otherwise the first good one on the PATH.
if [ -n "${PYTHON:-}" ]; then
    is_new_enough "$PYTHON" || fail "$PYTHON is not a Python 3.10 or newer"
    python=$PYTHON
else
    python=
    for candidate in python3 python3.13 python3.12 python3.11 python3.10 python; do
        if is_new_enough "$candidate"; then python=$candidate; break; fi
    done
    [ -n "$python" ] || fail "no Python 3.10 or newer found; install one, or name it: make setup PYTHON=/path/to/python3"
fi

# A .venv that no longer runs (its Python was removed, or making it was interrupted) is made anew.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 \
        || fail "$python has no venv module; install it (on Debian and Ubuntu: apt-get install python3-venv)"
    rm -rf "$venv"
    "$python" -m venv "$venv" || fail "could not create $venv"
fi

pip() {
    "$venv/bin/python" -m pip --disable-pip-version-check "$@"
}

for extra in "$@"; do
    echo "setup: installing extra $extra"
    case $extra in
        # Chainer and ChainerCV were last released as source, before Python 3.9.
        # --no-build-isolation: their set-up scripts import pkg_resources and NumPy and do not say so; extra "train"
        # installs both.
        # CC=true LDSHARED=true: a compiler that does nothing leaves out ChainerCV's one extension, whose C is too old
        # for Python 3.11 and later; hourglass/compat.py replaces it. No compiler is needed on the machine.
        chainer) CC=true LDSHARED=true pip install --quiet --no-build-isolation -c constraints.txt -e ".[$extra]" ;;
        *) pip install --quiet --only-binary :all: -c constraints.txt -e ".[$extra]" ;;
    esac || fail "pip could not install the extra $extra (its message is above)"
done

# The ordinary OpenCV wheel needs the system's libGL, which a server may not have; the headless one does not.
if ! "$venv/bin/python" -c 'import cv2' >/dev/null 2>&1; then
    opencv=$(sed -n 's/^opencv-python==/opencv-python-headless==/p' constraints.txt)
    echo "setup: opencv-python does not load here (usually libGL is missing); installing $opencv instead"
    pip uninstall --quiet --yes opencv-python
    # Both packages own the same folder, so that removing one damages the other if it was there.
    pip install --quiet --only-binary :all: --force-reinstall --no-deps "$opencv" || fail "pip could not install $opencv"
fi

"$venv/bin/python" -c 'import hourglass, chainer, chainercv, cv2' || fail "the installed packages do not import"
echo "setup: $venv is ready"
