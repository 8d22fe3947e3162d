#!/bin/sh
# Make a virtual environment and install Fitserve with the named extras: venv.sh FOLDER EXTRAS
# What is installed is what requirements/ says, and each file has the hash that stands there.
# Works on a bare Debian-like machine: with or without ensurepip, with or without a system pip.
set -eu
venv=$1 extras=$2

supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

python=
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if supported "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "Fitserve needs Python 3.11, 3.12 or 3.13 (on Debian: apt-get install python3 python3-venv)." >&2
    exit 1
fi

if ! [ -x "$venv/bin/python" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "Making $venv with $("$python" --version)" >&2
    rm -rf "$venv"
    if ! "$python" -m venv "$venv" >/dev/null 2>&1; then   # Debian keeps ensurepip in python3-venv
        rm -rf "$venv"
        if "$python" -m pip --version >/dev/null 2>&1; then
            "$python" -m venv --without-pip "$venv"
            "$python" -m pip --quiet --python "$venv/bin/python" install pip
        elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get -qq update && apt-get -qq install -y python3-venv >/dev/null
            "$python" -m venv "$venv"
        else
            echo "Python's venv module is missing: apt-get install python3-venv, then try again." >&2
            exit 1
        fi
    fi
fi

echo "Installing fitserve[$extras] (the first time takes a few minutes: TensorFlow is large)" >&2
files=
for name in build serve $(echo "$extras" | tr , ' '); do files="$files --requirement requirements/$name.txt"; done
# shellcheck disable=SC2086  one word each
"$venv/bin/python" -m pip --quiet --disable-pip-version-check install --require-hashes $files
exec "$venv/bin/python" -m pip --quiet --disable-pip-version-check install --no-deps --no-build-isolation --editable .
