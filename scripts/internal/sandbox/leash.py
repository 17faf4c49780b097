# Runs a command for as long as whoever started it lives. Standard input is a pipe that nobody writes to: the system
# closes it with the process that holds its other end, however that one ends, and then the command and everything it
# has started, which are a process group of their own, end as well.
import os
import signal
import subprocess
import sys
import threading


def follow():
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=follow, daemon=True).start()
sys.exit(subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL))
