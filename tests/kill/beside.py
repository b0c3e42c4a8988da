"""What goes on in a thread of its own while a block runs."""
import threading


class Beside:
    """with X() as x: …; x.go_on() runs beside the block and returns soon after self.over is set, which the block's end
    does. What it raises is raised there, unless the block itself failed."""

    def __init__(self):
        self.over, self._failure = threading.Event(), None
        self._thread = threading.Thread(target=self._run)

    def go_on(self):
        raise NotImplementedError

    def _run(self):
        try:
            self.go_on()
        except BaseException as error:
            self._failure = error

    def wait_for_end(self):
        """Until go_on() returns of its own accord."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self._thread.join()
        if self._failure is not None and kind is None:
            raise self._failure
