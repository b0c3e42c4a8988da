"""PostgreSQL through a port that can be frozen: nothing passes any more, and yet the kernel keeps and takes connections."""
import selectors
import socket
import threading


class Freezer:
    def __init__(self, folder, port):
        self.target = f"{folder}/.s.PGSQL.{port}"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.sessions = self.listener.getsockname()[1], 0
        self.frozen, self.opened = threading.Event(), []
        self.thread = threading.Thread(target=self._pass_on)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.freeze()
        for one in (self.listener, *self.opened):
            one.close()

    def freeze(self):
        self.frozen.set()
        self.thread.join()

    def _pass_on(self):
        with selectors.DefaultSelector() as ready:
            ready.register(self.listener, selectors.EVENT_READ)
            while not self.frozen.is_set():
                for key, _ in ready.select(0.05):
                    if key.fileobj is self.listener:
                        self._take(ready)
                    else:
                        self._carry(ready, key.fileobj, key.data)

    def _take(self, ready):
        client, server = self.listener.accept()[0], socket.socket(socket.AF_UNIX)
        server.connect(self.target)
        self.opened += [client, server]
        self.sessions += 1
        ready.register(client, selectors.EVENT_READ, server)
        ready.register(server, selectors.EVENT_READ, client)

    def _carry(self, ready, source, sink):
        if source.fileno() < 0:
            return      # closed a moment ago, with its other end
        data = source.recv(65536)
        if data:
            sink.sendall(data)
            return
        for one in (source, sink):
            ready.unregister(one)
            one.close()
