"""A file system of one file whose server never answers. Usage: hanging_fuse.py FOLDER open|read, with Debian's
python3-fusepy, in a mount namespace of its own."""
import stat
import sys
import time

import fusepy


class Hanging(fusepy.Operations):
    def __init__(self, where: str) -> None:
        self._where = where

    def getattr(self, path: str, fh: object = None) -> dict[str, int]:
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        return {"st_mode": stat.S_IFREG | 0o644, "st_nlink": 1, "st_size": 4096}

    def open(self, path: str, flags: int) -> int:
        self._hang_at("open")
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        self._hang_at("read")
        return b""

    def _hang_at(self, here: str) -> None:
        while self._where == here:
            time.sleep(3600)


if __name__ == "__main__":
    fusepy.FUSE(Hanging(sys.argv[2]), sys.argv[1], foreground=True, allow_other=True)
