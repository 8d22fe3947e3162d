"""Importing the application does nothing that would have to be undone."""

import subprocess
import sys
from pathlib import Path


def test_importing_the_app_makes_no_file_and_no_thread(tmp_path: Path):
    script = "import os, threading, app.main; print(threading.active_count(), os.listdir('.'))"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 []"
