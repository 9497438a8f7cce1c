"""Claims about `metanet data fetch`, against an HTTP server on this machine that may misbehave."""

import gzip
import hashlib
import io
import os
import re
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pooch
import pytest
import soundfile
from PIL import Image

from metanet_lib import catalog
from metanet_lib.data import corpora
from metanet_lib.data.corpora import CorpusError, fetch

BIG = os.urandom(3 << 20)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(fetch, "WAIT", 0.0)


class Server:
    """Serves one file; may cut the connection, ignore ranges, or answer with an error."""

    def __init__(self):
        self.content, self.cuts, self.ranges, self.status = b"", 0, True, 200
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/archive"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        if self.status != 200:
            request.send_error(self.status)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and self.ranges else 0
        if wanted and self.ranges and start >= len(self.content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(self.content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        body = self.content[start:]
        request.send_response(206 if wanted and self.ranges else 200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if self.cuts:
            self.cuts -= 1
            request.wfile.write(body[: len(body) // 2])
            request.wfile.flush()
            request.close_connection = True
            request.connection.close()
        else:
            request.wfile.write(body)


@pytest.fixture
def server():
    server = Server()
    yield server
    server.server.shutdown()
    server.server.server_close()


def jpeg():
    file = io.BytesIO()
    Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(file, "JPEG")
    return file.getvalue()


def wav():
    file = io.BytesIO()
    soundfile.write(file, np.random.default_rng(0).normal(size=22050) / 9, 22050, format="WAV")
    return file.getvalue()


FILES = {
    "voc2012": {
        "VOCdevkit/VOC2012/JPEGImages/2008_000001.jpg": jpeg(),
        "VOCdevkit/VOC2012/ImageSets/Main/cat_trainval.txt": b"2008_000001  1\n",
        "VOCdevkit/VOC2012/padding.bin": BIG,
    },
    "urbansound8k": {
        "UrbanSound8K/audio/fold1/7-8-0-0.wav": wav(),
        "UrbanSound8K/audio/fold1/.DS_Store": b"",
        "UrbanSound8K/metadata/UrbanSound8K.csv": (
            b"slice_file_name,fold,class\n7-8-0-0.wav,1,siren\n"
        ),
    },
    "irmas": {
        "IRMAS-TrainingData/cel/[cel][nod][cla]0001__1.wav": wav(),
        "__MACOSX/IRMAS-TrainingData/cel/._[cel][nod][cla]0001__1.wav": b"x",
    },
}
SAMPLE = {"voc2012": "v:cat", "urbansound8k": "a:sir", "irmas": "a:cel"}


def tar(files, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as packed:
        for name, content in files.items():
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = b"" if isinstance(content, tarfile.TarInfo) else content
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return out.getvalue()


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return out.getvalue()


def packed(name):
    if name == "irmas":
        return zipped(FILES[name])
    return tar(FILES[name], "w:gz" if name == "urbansound8k" else "w")


def checksum(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def bring(name, root, server):
    return fetch.fetch(name, root, server.url, checksum(server.content))


def everything(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*"))


@pytest.mark.parametrize("name", list(FILES))
def test_a_corpus_is_downloaded_unpacked_and_can_be_read(tmp_path, server, name):
    server.content = packed(name)
    place = bring(name, tmp_path, server)
    assert place == tmp_path / fetch.ARCHIVES[name].place
    (source,) = corpora.files(tmp_path, catalog.dataset(SAMPLE[name]))
    assert source.problem is None
    assert [p.name for p in tmp_path.iterdir()] == [fetch.ARCHIVES[name].place.split("/")[0]]
    assert not list(tmp_path.rglob("._*"))


def test_what_is_there_already_is_not_asked_for_again(tmp_path, server):
    server.content = packed("irmas")
    bring("irmas", tmp_path, server)
    before = len(server.asked)
    assert bring("irmas", tmp_path, server) is None
    assert len(server.asked) == before


def test_an_archive_already_downloaded_is_not_asked_for_again(tmp_path, server):
    server.content = packed("irmas")
    (tmp_path / "IRMAS-TrainingData.zip").write_bytes(server.content)
    assert bring("irmas", tmp_path, server)
    assert server.asked == []


def test_a_cut_connection_goes_on_where_it_stopped(tmp_path, server):
    server.content, server.cuts = packed("voc2012"), 2
    assert bring("voc2012", tmp_path, server)
    assert len(server.asked) == 3
    starts = [int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) for asked in server.asked[1:]]
    assert 0 < starts[0] < starts[1] < len(server.content)


def test_a_download_given_up_is_kept_and_the_next_call_asks_for_the_rest_only(tmp_path, server):
    server.content, server.cuts = packed("voc2012"), 100
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "ATTEMPTS", 1)
        with pytest.raises(OSError, match=r"bytes are kept in .*\.part, the same command goes on"):
            bring("voc2012", tmp_path, server)
    part = tmp_path / "VOCtrainval_11-May-2012.tar.part"
    have = part.stat().st_size
    assert server.content.startswith(part.read_bytes())
    server.cuts, server.asked = 0, []
    assert bring("voc2012", tmp_path, server)
    assert server.asked == [f"bytes={have}-"]


def test_a_server_without_ranges_starts_over(tmp_path, server):
    server.content, server.cuts, server.ranges = packed("voc2012"), 1, False
    assert bring("voc2012", tmp_path, server)
    assert len(server.asked) == 2


def test_a_part_that_is_whole_is_taken_and_one_of_another_file_is_not(tmp_path, server):
    server.content = packed("irmas")
    part = tmp_path / "IRMAS-TrainingData.zip.part"
    part.write_bytes(server.content)
    assert bring("irmas", tmp_path, server)
    part.write_bytes(server.content + b"more")
    (tmp_path / "IRMAS-TrainingData").rename(tmp_path / "elsewhere")
    assert bring("irmas", tmp_path, server)


def test_a_wrong_byte_is_refused_before_anything_is_unpacked(tmp_path, server):
    server.content = packed("voc2012")
    expected = checksum(server.content)
    server.content = server.content[:-2000] + b"\1" + server.content[-1999:]
    with pytest.raises(CorpusError, match=r"VOCtrainval.*tar: expected the sha256 .*--url"):
        fetch.fetch("voc2012", tmp_path, server.url, expected)
    assert everything(tmp_path) == []


def test_without_a_checksum_a_mirror_must_serve_the_official_bytes(tmp_path, server):
    server.content = packed("irmas")
    with pytest.raises(CorpusError, match="expected the md5 4fd9f5ed5a18d8e2687e6360b5f60afe"):
        fetch.fetch("irmas", tmp_path, server.url)


def special(name, kind, target="/etc/passwd"):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def zip_link():
    entry = zipfile.ZipInfo("IRMAS-TrainingData/link")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


INSIDE = "IRMAS-TrainingData/cel/a.wav"
EVIL = {
    "tar ..": tar({INSIDE: b"x", "../evil": b"x"}),
    "tar.gz ..": tar({INSIDE: b"x", "a/../../evil": b"x"}, "w:gz"),
    "zip ..": zipped({INSIDE: b"x", "../evil": b"x"}),
    "tar absolute": tar({INSIDE: b"x", "/tmp/evil": b"x"}),
    "zip absolute": zipped({INSIDE: b"x", "/tmp/evil": b"x"}),
    "zip backslash": zipped({INSIDE: b"x", "..\\evil": b"x"}),
    "symlink": tar({INSIDE: b"x", "l": special("IRMAS-TrainingData/l", tarfile.SYMTYPE)}),
    "hard link": tar({INSIDE: b"x", "l": special("IRMAS-TrainingData/l", tarfile.LNKTYPE)}),
    "device": tar({INSIDE: b"x", "d": special("IRMAS-TrainingData/d", tarfile.CHRTYPE)}),
    "fifo": tar({INSIDE: b"x", "f": special("IRMAS-TrainingData/f", tarfile.FIFOTYPE)}),
    "zip symlink": zipped({INSIDE: b"x", zip_link(): "/etc/passwd"}),
}


@pytest.mark.parametrize("content", EVIL.values(), ids=EVIL.keys())
def test_an_archive_that_leads_elsewhere_is_refused_whole(tmp_path, server, content):
    server.content = content
    root = tmp_path / "corpora"
    with pytest.raises(CorpusError, match=r"IRMAS-TrainingData\.zip: its member .*refused"):
        bring("irmas", root, server)
    assert everything(tmp_path) == ["corpora", "corpora/IRMAS-TrainingData.zip"]


@pytest.mark.parametrize("name", ["path_traversal.zip", "path_traversal.tar.gz"])
def test_the_real_corpus_bad_archives_are_refused(real_corpus, tmp_path, server, name):
    server.content = (real_corpus / "bad" / name).read_bytes()
    with pytest.raises(CorpusError, match=r"its member '\.\./evil\.txt' leads out of its folder"):
        bring("irmas", tmp_path / "corpora", server)
    assert not list(tmp_path.rglob("evil*"))


def test_an_archive_of_something_else_is_told(tmp_path, server):
    server.content = packed("irmas")
    with pytest.raises(CorpusError, match=r"expected the folder UrbanSound8K in it, found IRMAS"):
        bring("urbansound8k", tmp_path, server)
    assert everything(tmp_path) == ["UrbanSound8K.tar.gz"]


@pytest.mark.parametrize("content", [packed("urbansound8k")[:-3000], b"no archive at all"])
def test_a_damaged_archive_is_told(tmp_path, server, content):
    server.content = content
    with pytest.raises(CorpusError, match=r"UrbanSound8K\.tar\.gz: a damaged archive"):
        bring("urbansound8k", tmp_path, server)
    assert not (tmp_path / "UrbanSound8K").exists()


def test_what_a_killed_run_left_is_cleared_away(tmp_path, server):
    server.content = packed("irmas")
    (tmp_path / ".irmas.unpacking" / "IRMAS-TrainingData" / "old").mkdir(parents=True)
    place = bring("irmas", tmp_path, server)
    assert [p.name for p in place.iterdir()] == ["cel"]
    assert [p.name for p in tmp_path.iterdir()] == ["IRMAS-TrainingData"]


def test_too_little_room_is_told_before_the_download(tmp_path, server, monkeypatch):
    usage = fetch.shutil.disk_usage(tmp_path)._replace(free=10**9)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OSError, match=r"expected 4\.0 GB of free space .*found 1\.0 GB"):
        fetch.fetch("voc2012", tmp_path, server.url)
    assert server.asked == []


def metanet_fetch(*words):
    command = [sys.executable, "-m", "metanet_lib.cli", "data", "fetch", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def test_terms_and_citation_are_shown_and_the_next_step_is_named(tmp_path, server):
    server.content = packed("urbansound8k")
    words = ("urbansound8k", tmp_path, "--url", server.url, "--checksum", checksum(server.content))
    done = metanet_fetch(*words)
    assert done.returncode == 0, done.stderr
    order = [
        done.stdout.index(text)
        for text in ("6.0 GB, from http://127", "NonCommercial", "Salamon", "unpacked to")
    ]
    assert order == sorted(order)
    assert f"metanet data check {tmp_path}" in done.stdout
    again = metanet_fetch(*words)
    assert again.returncode == 0
    assert "is there already; nothing was downloaded" in again.stdout


def test_a_404_is_told_without_a_traceback_and_not_tried_again(tmp_path, server):
    server.status = 404
    done = metanet_fetch("irmas", tmp_path, "--url", server.url)
    assert done.returncode == 1
    assert "metanet: " in done.stderr
    assert "404" in done.stderr
    assert "--url names another place" in done.stderr
    assert "Traceback" not in done.stderr
    assert Counter(server.asked) == {None: 1}


def test_a_checksum_of_another_kind_is_refused(tmp_path, server):
    with pytest.raises(ValueError, match=r"a checksum is md5:\.\.\. or sha256:\.\.\."):
        fetch.fetch("irmas", tmp_path, server.url, "crc32:1234")
    assert server.asked == []


# --- When network, server or archive misbehave --------------------------------------------------


def interrupted(*_, **__):
    raise KeyboardInterrupt


def test_a_run_interrupted_while_it_verifies_keeps_the_download(tmp_path, server, monkeypatch):
    server.content = packed("irmas")
    with monkeypatch.context() as patch:
        patch.setattr(pooch.core, "hash_matches", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bring("irmas", tmp_path, server)
    server.asked.clear()
    assert bring("irmas", tmp_path, server)
    assert server.asked in ([], [f"bytes={len(server.content)}-"])


def test_a_run_killed_while_it_downloads_leaves_its_part_and_nothing_else(tmp_path, server):
    server.content, server.cuts = packed("voc2012"), 10**6
    code = (
        "from metanet_lib.data.corpora import fetch; fetch.WAIT = 60;"
        f"fetch.fetch('voc2012', {str(tmp_path)!r}, {server.url!r}, {checksum(server.content)!r})"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as run:
        while not server.asked or not list(tmp_path.glob("*.part")):
            time.sleep(0.05)
        time.sleep(0.3)
        run.send_signal(signal.SIGKILL)
    server.cuts = 0
    assert bring("voc2012", tmp_path, server)
    assert [p.name for p in tmp_path.iterdir()] == ["VOCdevkit"]


def test_a_server_that_calls_a_tar_gz_a_gzipped_tar_is_understood(tmp_path, server, monkeypatch):
    server.content = packed("urbansound8k")
    answer = server.answer

    def mislabelled(request):
        end = request.end_headers
        request.end_headers = lambda: (request.send_header("Content-Encoding", "gzip"), end())
        answer(request)

    monkeypatch.setattr(server, "answer", mislabelled)
    assert bring("urbansound8k", tmp_path, server)


def test_a_tar_with_a_broken_header_is_refused_rather_than_taken_for_its_first_half(
    tmp_path, server
):
    whole = tar({f"IRMAS-TrainingData/cel/{i}.wav": b"x" for i in range(4)})
    server.content = whole[:2048] + b"\xff" * 512 + whole[2560:]
    with pytest.raises(CorpusError, match="a damaged archive"):
        bring("irmas", tmp_path, server)
    assert not (tmp_path / "IRMAS-TrainingData").exists()


def test_a_tar_that_ends_with_a_zip_is_still_a_tar(tmp_path, server):
    server.content = tar({**FILES["irmas"], "IRMAS-TrainingData/z.zip": zipped({"a": b"x"})})
    assert bring("irmas", tmp_path, server)
    assert (tmp_path / "IRMAS-TrainingData" / "z.zip").is_file()


@pytest.mark.parametrize("kind", ["garbled gzip", "unknown compression", "encrypted", "empty"])
def test_an_unreadable_archive_is_told_with_its_name(tmp_path, server, kind):
    if kind == "garbled gzip":
        server.content = gzip.compress(os.urandom(9999))[:-8] + b"\0" * 8
    elif kind == "empty":
        server.content = b""
    else:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("IRMAS-TrainingData/cel/a.wav", b"x")
        content = bytearray(out.getvalue())
        for magic, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            at = content.index(magic) + flags
            field = struct.pack("<HH", *((1, 0) if kind == "encrypted" else (0, 97)))
            content[at : at + 4] = field
        server.content = bytes(content)
    with pytest.raises(CorpusError, match=r"IRMAS-TrainingData\.zip"):
        bring("irmas", tmp_path, server)
    assert not (tmp_path / "IRMAS-TrainingData").exists()


def test_irmas_in_a_folder_of_its_own_is_already_there(tmp_path, server):
    (tmp_path / "IRMAS" / "IRMAS-TrainingData").mkdir(parents=True)
    server.content = packed("irmas")
    assert bring("irmas", tmp_path, server) is None
    assert server.asked == []


def test_a_full_disk_keeps_the_archive_for_the_next_call(tmp_path, server, monkeypatch):
    server.content = packed("irmas")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(fetch.shutil, "copyfileobj", full)
        with pytest.raises(OSError, match="No space left"):
            bring("irmas", tmp_path, server)
    assert everything(tmp_path) == ["IRMAS-TrainingData.zip"]
    server.asked.clear()
    assert bring("irmas", tmp_path, server)
    assert server.asked == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a.zip", "nowhere", "http://", "http://[::1"])
def test_an_address_that_cannot_be_is_told_at_once(tmp_path, monkeypatch, url):
    monkeypatch.setattr(fetch, "WAIT", 60.0)
    with pytest.raises(OSError, match="--url"):
        fetch.fetch("irmas", tmp_path, url, "md5:" + "0" * 32)
    assert everything(tmp_path) == []


def test_a_refused_connection_is_told_in_one_line_without_python_objects(tmp_path):
    with pytest.raises(OSError, match="refused") as caught:
        fetch.fetch("irmas", tmp_path, "http://127.0.0.1:9/a.zip", "md5:" + "0" * 32)
    assert "object at 0x" not in str(caught.value)


def test_a_mirror_that_answers_with_another_range_starts_over(tmp_path, server, monkeypatch):
    server.content = packed("irmas")
    (tmp_path / "IRMAS-TrainingData.zip.part").write_bytes(server.content[:100])
    answer = server.answer

    def shifted(request):
        if request.headers.get("Range"):
            request.headers.replace_header("Range", "bytes=90-")
            request.send_response(206)
            size = len(server.content)
            request.send_header("Content-Range", f"bytes 90-{size - 1}/{size}")
            request.send_header("Content-Length", str(size - 90))
            request.end_headers()
            request.wfile.write(server.content[90:])
        else:
            answer(request)

    monkeypatch.setattr(server, "answer", shifted)
    assert bring("irmas", tmp_path, server)


def test_modes_of_the_archive_are_not_carried_over(tmp_path, server):
    member = tarfile.TarInfo("IRMAS-TrainingData/cel/a.wav")
    member.mode, member.size = 0o6777, 1
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(member, io.BytesIO(b"x"))
    server.content = out.getvalue()
    place = bring("irmas", tmp_path, server)
    assert (place / "cel" / "a.wav").stat().st_mode & 0o7111 == 0


def test_the_licences_are_linked_and_the_checksum_found_is_told(tmp_path, server):
    for archive in fetch.ARCHIVES.values():
        assert fetch.notice(archive).count("http") >= 2
    server.content = packed("irmas")
    with pytest.raises(CorpusError, match=checksum(server.content)[7:]):
        fetch.fetch("irmas", tmp_path, server.url, "sha256:" + "0" * 64)
    assert everything(tmp_path) == []
