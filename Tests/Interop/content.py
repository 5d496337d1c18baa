"""What travels: made from a fixed seed, compared file by file by SHA-256."""
import hashlib
import os
import random
import shutil

from network import Failure


def single(folder, size):
    """One file with a ragged end: no power of two divides its length."""
    path = os.path.join(folder, "single file.bin")
    block = random.Random(1).randbytes(1 << 20)
    with open(path, "wb") as file:
        for number in range(size >> 20):
            file.write(number.to_bytes(8, "big") + block[8:])
        file.write(block[: size % (1 << 20) | 1])
    return path


def tree(folder, files):
    """Nested folders, empty files, names beyond ASCII and names that a shell or a URL would trip over (but none of * : < > | ? ",
    which Transmission replaces)."""
    rng = random.Random(2)
    root = os.path.join(folder, "tree ü 木")
    folders = ["", "a", "a/b", "a/b/c/d/e/f", "пустые", "日本語/フォルダ", "with space", "quote's", "100%25", "do..ts", ".hidden"]
    for number in range(files):
        where = os.path.join(root, folders[number % len(folders)])
        os.makedirs(where, exist_ok=True)
        length = 0 if number % 9 == 4 else rng.randrange(1, 400_000)
        name = rng.choice(["file {}", "файл-{}.bin", "名前{}", "naïve {} 🎵", "#{}&x=1;$y", "-{}"]).format(number)
        with open(os.path.join(where, name), "wb") as file:
            file.write(rng.randbytes(length))
    return root


EMPTY = hashlib.sha256().hexdigest()


class Content:
    """A file or a folder with the digest of all its files."""

    def __init__(self, path):
        self.path = path
        self.folder = os.path.dirname(path)
        self.name = os.path.basename(path)
        self.digests = digests(path)
        self.bytes = sum(os.path.getsize(os.path.join(self.folder, file)) for file in self.digests)

    def compare(self, folder, empty_files=True):
        """The content as downloaded into a folder: nothing missing (but perhaps empty files), nothing else, nothing different."""
        got = digests(os.path.join(folder, self.name))
        wanted = {name: sha for name, sha in self.digests.items() if empty_files or sha != EMPTY}
        if got != wanted:
            wrong = sorted({name for name, _ in got.items() ^ wanted.items()})
            raise Failure(f"{len(wrong)} of {len(self.digests)} files differ, {wrong[0]!r} first")


def digests(path):
    """{path from the folder it is in: SHA-256} of a file, or of every file in a folder."""
    above = os.path.dirname(path)
    files = [path] if os.path.isfile(path) else [os.path.join(at, name) for at, _, names in os.walk(path) for name in names]
    return {os.path.relpath(file, above): digest(file) for file in files}


def digest(file):
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def room(needed):
    """A parent for temporary files: memory if there is plenty."""
    return "/dev/shm" if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 2 * needed else None


def random_file(path, size):
    """A file of so many MiB."""
    rng = random.Random(1)
    with open(path, "wb") as file:
        for _ in range(size):
            file.write(rng.randbytes(1 << 20))
    return path
