"""Runs another program once a line has come on stdin: gate.py PROGRAM ARGUMENT..."""
import runpy
import sys

sys.stdin.readline()
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
