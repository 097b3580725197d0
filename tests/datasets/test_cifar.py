"""CIFAR's binary files: by hand, in archives and folders, hostile archives, and the real sample."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from minicnn import datasets
from minicnn.datasets import cifar, cifar10, cifar100
from minicnn.errors import ArgumentError, FileAccessError, FileFormatError

from .conftest import source_of, whole

FOLDERS = {cifar10: "cifar-10-batches-bin", cifar100: "cifar-100-binary"}
ARCHIVES = {cifar10: "cifar-10-binary.tar.gz", cifar100: "cifar-100-binary.tar.gz"}
FILES = {
    cifar10: (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"),
    cifar100: ("train.bin", "test.bin"),
}
APPLE, BEAVER, WORM = (4, 0), (0, 4), (13, 99)  # coarse, fine


def contents(module, count: int = 2) -> dict[str, bytes]:
    """Small files in CIFAR's layout, every pixel different from the next."""
    rng = np.random.default_rng(3)
    files = {}
    for number, name in enumerate(FILES[module]):
        labels = [
            [(number + i) % 10] if module is cifar10 else (APPLE, BEAVER, WORM)[i % 3] for i in range(count)
        ]
        files[name] = b"".join(bytes(label) + rng.bytes(3072) for label in labels)
    return files


def expected(module, files: dict[str, bytes], names, column: int):
    """The images and labels of some files, pixel by pixel."""
    start = 1 if module is cifar10 else 2
    images, labels = [], []
    for name in names:
        for at in range(0, len(files[name]), start + 3072):
            record = files[name][at : at + start + 3072]
            labels.append([record[column]])
            pixel = [
                [[record[start + 1024 * c + 32 * i + j] for c in range(3)] for j in range(32)]
                for i in range(32)
            ]
            images.append(pixel)
    return np.array(images, np.uint8), np.array(labels, np.uint8)


def pack(files: dict[str, bytes], folder: str = "", **more) -> bytes:
    """A tar.gz of the files, and of members given as TarInfo with their content."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}" if folder else name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in more.values():
            archive.addfile(member)
    return packed.getvalue()


def check(loaded, module, files, column=None):
    column = (0 if module is cifar10 else 1) if column is None else column
    train, test = FILES[module][:-1], FILES[module][-1:]
    for (x, y), names in zip(loaded, (train, test), strict=True):
        x_expected, y_expected = expected(module, files, names, column)
        np.testing.assert_array_equal(x, x_expected)
        np.testing.assert_array_equal(y, y_expected)
        assert x.dtype == y.dtype == np.uint8
        assert x.flags.c_contiguous and x.flags.writeable and y.flags.writeable


@pytest.mark.parametrize("module", FILES)
def test_archive_folder_and_subfolder(module, tmp_path, monkeypatch):
    files = contents(module)
    archive = tmp_path / ARCHIVES[module]
    packed = pack(files | {"readme.html": b"<html>"}, FOLDERS[module])
    archive.write_bytes(packed)
    check(module.load_data(data_dir=tmp_path), module, files)
    archive.unlink()
    archive.with_suffix("").write_bytes(gzip.decompress(packed))
    check(module.load_data(data_dir=tmp_path), module, files)
    archive.with_suffix("").unlink()
    folder = tmp_path / FOLDERS[module]
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    check(module.load_data(data_dir=tmp_path), module, files)
    check(module.load_data(data_dir=folder), module, files)
    above = tmp_path / "above"
    above.mkdir()
    folder.rename(above / module.SOURCE.name)
    monkeypatch.setenv("MINICNN_DATA", str(above))
    check(module.load_data(), module, files)
    check(datasets.load(module.SOURCE.name, above), module, files)


def test_fine_and_coarse_labels(tmp_path):
    files = contents(cifar100, count=3)
    (tmp_path / ARCHIVES[cifar100]).write_bytes(pack(files))
    check(cifar100.load_data("fine", tmp_path), cifar100, files, column=1)
    check(cifar100.load_data(label_mode="coarse", data_dir=tmp_path), cifar100, files, column=0)
    names = [cifar100.CLASS_NAMES[y] for y in cifar100.load_data(data_dir=tmp_path)[0][1].ravel()]
    assert names == ["apple", "beaver", "worm"]
    with pytest.raises(ArgumentError, match="no such label_mode. Expected 'fine' or 'coarse', got 'all'"):
        cifar100.load_data("all", tmp_path)


def test_the_hundred_names_are_in_order():
    assert len(set(cifar100.CLASS_NAMES)) == 100 and len(cifar100.COARSE_CLASS_NAMES) == 20
    assert list(cifar100.COARSE_CLASS_NAMES) == sorted(cifar100.COARSE_CLASS_NAMES)
    assert np.bincount(cifar100._GROUP_OF).tolist() == [5] * 20
    # Published coarse label of the first and the last ten fine labels.
    assert cifar100._GROUP_OF[:10].tolist() == [4, 1, 14, 8, 0, 6, 7, 7, 18, 3]
    assert cifar100._GROUP_OF[-10:].tolist() == [18, 1, 2, 15, 6, 0, 17, 8, 14, 13]


@pytest.mark.parametrize("module", FILES)
def test_download(module, server, cache, monkeypatch):
    files = contents(module)
    packed = pack(files, FOLDERS[module])
    source = source_of({ARCHIVES[module]: packed}, server.url, name=module.SOURCE.name)
    monkeypatch.setattr(module, "_LAYOUT", module._LAYOUT._replace(source=source))
    server.replies[f"/{ARCHIVES[module]}"] = whole(packed)
    check(module.load_data(), module, files)
    check(module.load_data(), module, files)
    assert len(server.asked) == 1


def test_offline_says_what_to_do(cache):
    with pytest.raises(FileAccessError) as caught:
        cifar10.load_data()
    assert str(caught.value) == (
        "datasets.cifar10.load_data: cifar-10-binary.tar.gz could not be downloaded (MINICNN_OFFLINE is "
        "set). Download cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/ by hand into "
        f"'{cache.with_name('cifar10')}', or name a folder that has the files of this data set as data_dir."
    )


def test_missing_files_and_the_python_version(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"")
    with pytest.raises(ArgumentError) as caught:
        cifar10.load_data(tmp_path)
    text = str(caught.value)
    assert (
        "6 of the 6 files not found. Expected cifar-10-binary.tar.gz, or the folder cifar-10-batches-bin"
        in text
    )
    assert "the Python version is made of pickles, which minicnn does not load." in text
    files = contents(cifar100)
    (tmp_path / "test.bin").write_bytes(files["test.bin"])
    with pytest.raises(ArgumentError, match="1 of the 2 files not found.*got no train.bin in"):
        cifar100.load_data(data_dir=tmp_path)
    (tmp_path / ARCHIVES[cifar100]).write_bytes(pack({"test.bin": files["test.bin"]}))
    with pytest.raises(ArgumentError, match="got no train.bin in '.*cifar-100-binary.tar.gz'"):
        cifar100.load_data(data_dir=tmp_path)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "does not hold whole images. Expected a multiple of 3,073 bytes, got 0"),
        (bytes(3072), "Expected a multiple of 3,073 bytes, got 3,072"),
        (bytes(6147), "got 6,147"),
        (bytes(3073) + b"\x0a" + bytes(3072), "no such class. Expected 0 to 9, got 10 in image 1"),
    ],
)
def test_damaged_records(content, text):
    with pytest.raises(FileFormatError, match=text):
        cifar.records(content, (10,), "here 'batch.bin'")


def test_labels_of_cifar100_are_checked_against_each_other(tmp_path):
    files = contents(cifar100)
    for label, text in (
        (bytes([20, 0]), "Expected 0 to 19, got 20 in image 0"),
        (bytes([4, 100]), "Expected 0 to 99, got 100 in image 0"),
        (
            bytes([5, 0]),
            "contradict each other. Expected 'fruit_and_vegetables' for 'apple', got 'household_elec",
        ),
    ):
        (tmp_path / "train.bin").write_bytes(label + files["train.bin"][2:])
        (tmp_path / "test.bin").write_bytes(files["test.bin"])
        with pytest.raises(FileFormatError, match=text):
            cifar100.load_data(data_dir=tmp_path)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


HOSTILE = {
    "up and out": (member("../../etc/evil"), "'../../etc/evil': its name leads out of the archive"),
    "up inside": (member("a/../test.bin"), "its name leads out of the archive"),
    "absolute": (member("/etc/evil"), "'/etc/evil': its name leads out"),
    "symbolic link": (
        member("x", tarfile.SYMTYPE, "/etc/passwd"),
        "'x': it is neither a plain file nor a folder",
    ),
    "hard link": (member("test.bin", tarfile.LNKTYPE, "/etc/passwd"), "neither a plain file nor a folder"),
    "device": (member("x", tarfile.CHRTYPE), "neither a plain file nor a folder"),
    "pipe": (member("x", tarfile.FIFOTYPE), "neither a plain file nor a folder"),
    "twice": (member("elsewhere/test.bin"), "'elsewhere/test.bin': there are two of this name"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_members_are_refused(case, tmp_path):
    info, text = HOSTILE[case]
    (tmp_path / ARCHIVES[cifar100]).write_bytes(pack(contents(cifar100), FOLDERS[cifar100], more=info))
    before = set(tmp_path.rglob("*"))
    with pytest.raises(FileFormatError) as caught:
        cifar100.load_data(data_dir=tmp_path)
    assert str(caught.value).startswith("datasets.cifar100.load_data '")
    assert text in str(caught.value)
    assert set(tmp_path.rglob("*")) == before, "nothing is ever extracted"


def forged(size: int, name: str = "test_batch.bin", kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


BOMBS = {
    "a huge member that is not there": forged(1 << 40),
    "the largest size, and nothing": forged(30_730_000),
    "a bomb under a wanted name": forged(200_000_000) + bytes(200_000_000),
    "a bomb beside": forged(200_000_000, "readme.html") + bytes(200_000_000),
    "a bomb behind the end": forged(0, "readme.html") + bytes(200_000_000),
    "a huge long name": forged(150_000_000, "././@LongLink", tarfile.GNUTYPE_LONGNAME) + b"a" * 150_000_000,
    "a huge pax header": forged(150_000_000, "p", tarfile.XHDTYPE) + b"1" * 150_000_000,
    "a negative size": forged(-3073),
    "sparse": forged(3073, "test_batch.bin", tarfile.GNUTYPE_SPARSE) + bytes(4096),
}


@pytest.mark.parametrize("case", BOMBS)
def test_bombs_take_no_memory(case, tmp_path):
    (tmp_path / ARCHIVES[cifar10]).write_bytes(gzip.compress(BOMBS[case], compresslevel=1))
    tracemalloc.start()
    with pytest.raises((FileFormatError, ArgumentError)) as caught:
        cifar10.load_data(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12_000_000
    assert ARCHIVES[cifar10] in str(caught.value)


def test_a_wrong_bit_in_the_packed_data_is_found(tmp_path):
    """gzip's checksum comes last, so the archive is read to its end."""
    whole = gzip.decompress(pack(contents(cifar100))) + bytes(50_000)  # tar pads with zeros, some tars a lot
    packed = bytearray(gzip.compress(whole))
    packed[-8] ^= 1  # in the checksum, behind everything that is needed
    (tmp_path / ARCHIVES[cifar100]).write_bytes(packed)
    with pytest.raises(FileFormatError, match="the archive is damaged \\(CRC check failed"):
        cifar100.load_data(data_dir=tmp_path)


def test_a_file_in_a_folder_that_is_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar100, "_LAYOUT", cifar100._LAYOUT._replace(images=1))
    for name, content in contents(cifar100).items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError, match="train.bin': the file is longer than 3,074 bytes"):
        cifar100.load_data(data_dir=tmp_path)


def test_the_real_sample(shared_data):
    """The first 20 test images of the real file against the same ones as PNG."""
    samples = shared_data / "foolbox_samples"
    x, y = cifar.records((samples / "cifar10_test_first20.bin").read_bytes(), (10,), "sample")
    pictures = sorted((samples / "cifar10_lossless20").glob("*.png"))
    assert len(x) == len(pictures) == 20
    for image, label, path in zip(x, y[:, 0], pictures, strict=True):
        assert path.stem.endswith(f"_{label}")
        np.testing.assert_array_equal(image, np.asarray(Image.open(path)))
