"""Answers as Kafka and as InfluxDB do to whoever asks whether they are up."""

import socket
import sys

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
while True:
    client, _ = listener.accept()
    try:
        if client.recv(1024).startswith(b"GET"):
            client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        else:
            client.sendall(b"\0\0\0\4\0\0\0\1")
    except OSError:  # It was one who only looked whether the port is taken.
        pass
    client.close()
