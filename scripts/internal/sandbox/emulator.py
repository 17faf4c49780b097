# Runs the emulator for as long as whoever started it lives. Standard input is a pipe that nobody writes to: the
# system closes it with the process that holds its other end, however that one ends, and then the emulator and the
# functions that it runs, which are a process group of their own, end as well.
import os
import runpy
import signal
import threading


def follow():
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=follow, daemon=True).start()
runpy.run_module("ministack", run_name="__main__", alter_sys=True)
