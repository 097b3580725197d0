"""Tens of thousands of damaged files: each loads as its bytes say, or ends in a sentence.

What the bytes say is read a second time here, by code that shares nothing with the library.
"""

from __future__ import annotations

import gzip
import io
import random
import struct
import tarfile
import tracemalloc

import numpy as np
import pytest

from minicnn.datasets import cifar, cifar10, cifar100, idx
from minicnn.errors import ArgumentError, FileFormatError

MOST_MEMORY = 8 << 20  # bytes; the files have thousands, and read in chunks of a mebibyte
IDX_TYPES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}
INTERESTING = (0, 1, 8, 10, 20, 99, 100, 127, 128, 255)


def mutate(rng: random.Random, whole: bytes, head: int) -> bytes:
    """Change one to three places: flip a bit, set a byte, cut, remove, insert or repeat a piece."""
    content = bytearray(whole)
    for _ in range(rng.randint(1, 3)):
        if not content:
            break
        # Half of the changes hit the first bytes, where the headers are.
        at = rng.randrange(min(head, len(content)) if rng.random() < 0.5 else len(content))
        kind = rng.randrange(7)
        if kind < 2:
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            content[at] = rng.choice(INTERESTING)
        elif kind == 3:
            del content[at + 1 :]
        elif kind == 4:
            del content[at : at + rng.randint(1, 16)]
        elif kind == 5:
            content[at:at] = rng.randbytes(rng.randint(1, 4))
        else:
            content += content[at:]
    return bytes(content)


def gunzipped(content: bytes) -> bytes:
    """What is in a file that may be packed, and a ValueError where it is damaged."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except Exception as error:
        raise ValueError("damaged") from error


class Tally:
    """How many files were loaded and refused, and that none of them took much memory."""

    def __enter__(self):
        self.loaded = self.refused = 0
        tracemalloc.start()
        return self

    def __exit__(self, *error):
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert error[0] is not None or peak < MOST_MEMORY

    def attempt(self, load):
        """The result of `load`, or None if it was refused in a sentence; anything else is a failure."""
        try:
            result = load()
        except FileFormatError as error:
            assert ": " in str(error) and str(error).endswith("."), error
            self.refused += 1
            return None
        self.loaded += 1
        return result


def idx_file(rng: random.Random) -> bytes:
    """A small IDX file of any element type and one to three dimensions."""
    code = rng.choice(list(IDX_TYPES))
    shape = [rng.randint(1, 5) for _ in range(rng.randint(1, 3))]
    size = int(np.prod(shape)) * struct.calcsize(IDX_TYPES[code])
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + rng.randbytes(size)


def idx_oracle(content: bytes):
    """Shape and elements; struct.error or ValueError where the bytes are no IDX file."""
    content = gunzipped(content)
    if content[:2] != b"\0\0" or content[2] not in IDX_TYPES or not 1 <= content[3] <= 32:
        raise ValueError
    shape = struct.unpack_from(f">{content[3]}I", content, 4)
    elements = content[4 + 4 * content[3] :]
    kind, count = IDX_TYPES[content[2]], 1
    for size in shape:
        count *= size
    if count == 0 or count * struct.calcsize(kind) != len(elements):
        raise ValueError
    return shape, struct.unpack(f">{count}{kind}", elements)


@pytest.mark.parametrize("layer", ["plain", "packed", "inside"])
def test_idx(layer, tmp_path):
    """5,000 each: plain files; packed ones, damaged outside; packed ones, damaged inside (the sum fits)."""
    rng = random.Random(f"idx {layer}")
    path = tmp_path / "fuzz-idx3-ubyte"
    with Tally() as tally:
        for _ in range(5000):
            content = idx_file(rng)
            if layer == "packed":
                content = mutate(rng, gzip.compress(content, mtime=0), 18)
            else:
                content = mutate(rng, content, 16)
                content = gzip.compress(content, 1) if layer == "inside" else content
            path.write_bytes(content)
            array = tally.attempt(lambda: idx.read(path))
            try:
                shape, elements = idx_oracle(content)
            except (ValueError, IndexError, struct.error):
                assert array is None, content
                continue
            assert array is not None, content
            assert array.shape == shape
            np.testing.assert_array_equal(array.ravel(), np.array(elements, array.dtype))
    assert tally.loaded > 200 and tally.refused > 2000


def cifar_oracle(content: bytes, labels: tuple[int, ...]):
    """Records as lists (label bytes, pixel bytes), or None where the bytes are none."""
    length = len(labels) + 3072
    if not content or len(content) % length:
        return None
    found = [content[at : at + length] for at in range(0, len(content), length)]
    if any(record[i] >= labels[i] for record in found for i in range(len(labels))):
        return None
    return found


def check_records(x: np.ndarray, y: np.ndarray, found: list[bytes]) -> None:
    assert len(x) == len(y) == len(found)
    for image, label, record in zip(x, y, found, strict=True):
        assert bytes(label) + b"".join(image[:, :, c].tobytes() for c in range(3)) == record


@pytest.mark.parametrize("labels", [(10,), (20, 100)], ids=["cifar10", "cifar100"])
def test_cifar_records(labels):
    """6,000 files each of one to three images; half of the damage is done at multiples of a record."""
    rng = random.Random(f"cifar {labels}")
    length = len(labels) + 3072
    with Tally() as tally:
        for _ in range(6000):
            count = rng.randint(1, 3)
            whole = b"".join(
                bytes(rng.randrange(n) for n in labels) + rng.randbytes(3072) for _ in range(count)
            )
            content = bytearray(mutate(rng, whole, 4) if rng.random() < 0.5 else whole)
            if rng.random() < 0.5:
                at = rng.randrange(count) * length + rng.randrange(len(labels))
                content[at : at + 1] = bytes([rng.choice(INTERESTING)])
            arrays = tally.attempt(lambda content=content: cifar.records(content, labels, "fuzz"))
            found = cifar_oracle(bytes(content), labels)
            assert (arrays is None) == (found is None)
            if arrays is not None:
                check_records(*arrays, found)
    assert tally.loaded > 1000 and tally.refused > 1000


def tar_oracle(content: bytes) -> dict[str, bytes]:
    """The plain files of a tar archive by their last name, block by block; later ones win."""
    files: dict[str, bytes] = {}
    at = 0
    while at + 512 <= len(content) and any(content[at : at + 512]):
        header = content[at : at + 512]
        size = int(header[124:136].strip(b" \0") or b"0", 8)
        name = header[:100].split(b"\0")[0].decode("utf-8", "surrogateescape")
        files[name.rsplit("/", 1)[-1]] = content[at + 512 : at + 512 + size]
        at += 512 + -(-size // 512) * 512
    return files


def small_archive(seed: int) -> bytes:
    """CIFAR-100's two files of one image each, and a third, in a tar archive."""
    rng = random.Random(seed)
    packed = io.BytesIO()
    contents = {"train.bin": bytes([4, 0]), "note.txt": b"by hand", "test.bin": bytes([13, 99])}
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in contents.items():
            content += rng.randbytes(3072) if name.endswith("bin") else b""
            member = tarfile.TarInfo(f"cifar-100-binary/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()[: 512 * 18]  # without most of the zeros at the end


@pytest.mark.parametrize("layer", ["tar", "packed", "inside"])
def test_cifar_archives(layer, tmp_path):
    """2,000 each: tar files; tar.gz, damaged outside; tar.gz, damaged inside, so that gzip's sum fits."""
    rng = random.Random(f"archive {layer}")
    path = tmp_path / "cifar-100-binary.tar.gz"
    whole = small_archive(0)
    packed = gzip.compress(whole, 1, mtime=0)
    headers = [start + at for start in (0, 512 * 8, 512 * 10) for at in range(512)]
    before = set(tmp_path.parent.rglob("*"))
    with Tally() as tally:
        for _ in range(2000):
            if layer == "packed":
                content = mutate(rng, packed, 40)
            else:
                damaged = bytearray(whole)
                if rng.random() < 0.7:  # a header, and every second time with a sum that fits again
                    at = rng.choice(headers)
                    damaged[at] = rng.choice([damaged[at] ^ (1 << rng.randrange(8)), *INTERESTING])
                    if rng.random() < 0.5:
                        start = max(start for start in (0, 512 * 8, 512 * 10) if start <= at)
                        block = damaged[start : start + 512]
                        total = sum(block[:148]) + 8 * 32 + sum(block[156:])
                        damaged[start + 148 : start + 156] = b"%06o\0 " % total
                else:
                    damaged = bytearray(mutate(rng, whole, len(whole)))
                content = gzip.compress(damaged, 1) if layer == "inside" else bytes(damaged)
            path.write_bytes(content)

            def load():
                try:
                    return cifar100.load_data("fine", tmp_path)
                except ArgumentError as error:  # a name was hit, so that a file is missing
                    assert "files not found" in str(error)
                    raise FileFormatError(str(error)) from error

            loaded = tally.attempt(load)
            if loaded is not None:
                files = tar_oracle(gunzipped(content))
                for (x, y), name in zip(loaded, ("train.bin", "test.bin"), strict=True):
                    found = cifar_oracle(files[name], (20, 100))
                    check_records(x, y, [record[1:] for record in found])
    assert tally.refused > 500
    assert tally.loaded > (10 if layer == "packed" else 300)
    assert set(tmp_path.parent.rglob("*")) - before == {path}, "nothing is extracted"


def test_cifar_folders(tmp_path):
    """Files in a folder, all of them looked at: one damaged file among six is found."""
    rng = random.Random("folders")
    names = (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin")
    files = {name: bytes([rng.randrange(10)]) + rng.randbytes(3072) for name in names}
    for name in names:
        for other, content in files.items():
            (tmp_path / other).write_bytes(content)
        (tmp_path / name).write_bytes(b"\x0a" + files[name][1:])
        with pytest.raises(FileFormatError, match=name):
            cifar10.load_data(tmp_path)
