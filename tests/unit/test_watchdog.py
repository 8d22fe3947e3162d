"""The watchdog ends what runs for too long, and nothing else."""

import signal
import subprocess
import sys
import threading
import time

from app.watchdog import Watchdog


def test_a_run_that_goes_on_is_stopped_once_and_one_that_ended_is_not():
    dog = Watchdog(0.2)
    stopped: list[str] = []
    late = threading.Event()
    dog.end(dog.begin(lambda: stopped.append("ended")))

    def stop() -> None:
        stopped.append("late")
        late.set()

    dog.begin(stop)
    assert late.wait(10)
    time.sleep(0.4)
    assert stopped == ["late"]


def test_a_pause_of_the_whole_process_overruns_nothing():
    script = (
        "import time; from app.watchdog import Watchdog; dog = Watchdog(5)\n"
        "run = dog.begin(lambda: print('stopped', flush=True)); time.sleep(0.6); print('ready', flush=True)\n"
        "time.sleep(1); dog.end(run); print('ended', flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(6)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read() == "ended\n"


def test_its_thread_ends_with_it():
    before = set(threading.enumerate())
    dog = Watchdog(0.1)
    dog.end(dog.begin(lambda: None))
    (thread,) = set(threading.enumerate()) - before
    del dog
    thread.join(10)
    assert not thread.is_alive()
