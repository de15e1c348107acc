"""Becomes another program that holds a listening socket, by which an agent selects it. Usage: with_listener.py PORT COMMAND..."""
import os
import socket
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
listener.set_inheritable(True)
os.execvp(sys.argv[2], sys.argv[2:])
