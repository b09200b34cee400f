"""Models are fetched from wherever they lie, and nothing of them is left behind."""

from __future__ import annotations

import functools
import io
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest

from microservice import storage
from microservice.errors import StartError
from microservice.shim.seldon_core.storage import Storage
from microservice.storage import fetch_model, show_uri
from tests.servers_s3 import BUCKET, KEY, SECRET, moto


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "iris"
    (folder / "more").mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"weights")
    (folder / "more" / "words.txt").write_text("a b")
    return folder


@pytest.fixture(autouse=True)
def _own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


@pytest.fixture
def website(model: Path) -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    handler = functools.partial(Handler, directory=str(model.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def check_fetched(folder: Path) -> None:
    assert (folder / "model.bin").read_bytes() == b"weights"
    assert (folder / "more" / "words.txt").read_text() == "a b"


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_local_path_is_used_where_it_is(model: Path, form: str) -> None:
    assert fetch_model(form.format(model)) == model


def test_local_folder_is_copied_when_a_place_is_given(model: Path, tmp_path: Path) -> None:
    check_fetched(Path(Storage.download(str(model), str(tmp_path / "out"))))


def test_folder_of_any_file_system_is_fetched_whole(model: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(f"{model}/", "/models/iris/", recursive=True)
    check_fetched(fetch_model("memory://models/iris"))


@pytest.mark.slow
def test_folder_of_s3_is_fetched_whole(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with moto(tmp_path) as address:
        for name, value in (("ACCESS_KEY_ID", KEY), ("SECRET_ACCESS_KEY", SECRET), ("ENDPOINT_URL", address)):
            monkeypatch.setenv(f"AWS_{name}", value)
        fsspec.filesystem("s3").put(f"{model}/", f"s3://{BUCKET}/models/iris/", recursive=True)
        check_fetched(fetch_model(f"s3://{BUCKET}/models/iris"))
        with pytest.raises(StartError, match="nowhere"):
            fetch_model(f"s3://{BUCKET}/nowhere")
        fsspec.filesystem("s3").clear_instance_cache()


def test_file_and_folder_of_a_website_are_fetched(website: str) -> None:
    assert fetch_model(f"{website}/iris/model.bin").read_bytes() == b"weights"
    check_fetched(fetch_model(f"{website}/iris/"))
    with pytest.raises(StartError, match=r"fetching http://.*absent failed"):
        fetch_model(f"{website}/absent")


@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_archive_is_unpacked_and_its_only_folder_is_the_models(
    model: Path, website: str, suffix: str
) -> None:
    archive = model.parent / f"iris.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(archive, "w") as opened:
            for path in model.rglob("*"):
                opened.write(path, path.relative_to(model.parent))
    else:
        with tarfile.open(archive, "w:gz") as opened_tar:
            opened_tar.add(model, "iris")
    check_fetched(fetch_model(f"{website}/iris.{suffix}"))
    check_fetched(fetch_model(str(archive)))


def test_archive_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "bad.tar"
    with tarfile.open(archive, "w") as opened:
        entry = tarfile.TarInfo("../../outside")
        opened.addfile(entry, io.BytesIO(b""))
    with pytest.raises(StartError, match=r"unpacking bad\.tar failed"):
        fetch_model(str(archive))
    assert not (tmp_path / "outside").exists()


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(StartError, match="Local path /nowhere does not exist"):
        fetch_model("/nowhere")
    with pytest.raises(StartError, match="Protocol not known: nosuch"):
        fetch_model("nosuch://a/b")


def test_missing_package_names_the_extra_that_installs_it() -> None:
    with pytest.raises(StartError, match=r"gs:// needs .*pip install 'seldon-microservice\[gs\]'"):
        fetch_model("gs://bucket/model")


def test_secrets_of_a_url_are_not_shown() -> None:
    assert show_uri("https://user:secret@host/models/iris?token=secret") == "https://host/models/iris"


def test_folders_of_processes_that_are_gone_are_removed_and_those_of_living_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "tmp" / f"{storage.PREFIX}gone"
    gone.mkdir()
    (gone / "lock").touch()
    monkeypatch.setattr(storage, "YOUNG_SECONDS", -1.0)
    mine = storage.claim_folder()
    storage.sweep_folders()
    assert not gone.exists()
    assert mine.exists()
