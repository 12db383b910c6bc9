"""Full disks, killed writers, readers that look on, and two trainings into one directory."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seqcli.errors import ModelError, ResourceError, SeqcliError, UsageError
from seqcli.model_dir import clear_partial, find_model, leftover, lock, partial_dir, read_model
from seqcli.saved import swap
from seqcli.saved.places import staging_dir, waiting_dir


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """What ``ulimit -f`` does: writing past ``size`` bytes fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 100, 1000, 1500])
def test_a_full_disk_leaves_the_old_model_and_nothing_else(make_small, tmp_path, size) -> None:
    target = make_small(0).write(tmp_path / "a.seqcli")
    with file_size_limit(size), pytest.raises(ResourceError, match="the disk is full") as caught:
        make_small(1).write(target)
    assert caught.value.exit_code == 6
    assert "--save" in caught.value.hint
    assert read_model(target).record["seed"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.seqcli"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", range(9))
def test_a_disk_that_fills_at_any_sync(make_small, tmp_path, monkeypatch, number, call) -> None:
    target = make_small(0).write(tmp_path / "a.seqcli")
    real, calls = os.fsync, iter(range(100))

    def fsync(handle):
        if next(calls) == call:
            raise OSError(number, os.strerror(number))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    if call == 8:
        make_small(1).write(target)
        assert next(calls) == 8, "five files, two directories, and the parent were synced"
        return
    with pytest.raises(ResourceError, match=r"a\.seqcli: the disk is full"):
        make_small(1).write(target)
    assert read_model(target).record["seed"] == (1 if call == 7 else 0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.seqcli"]


def test_everything_is_on_the_disk_before_the_rename(make_small, tmp_path, monkeypatch) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def synced(handle):
        steps.append("sync " + Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    def renamed(path, new):
        steps.append(f"rename {path.name} {new.name}")
        return rename(path, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    make_small(0).write(tmp_path / "a.seqcli")
    files = ["weights.safetensors", "batch.onnx", "history.jsonl", "README.md", "model.json"]
    assert steps == [
        *(f"sync {name}" for name in files),
        "sync graphs",
        "sync .a.seqcli.staging",
        "rename .a.seqcli.staging .a.seqcli.new",
        "rename .a.seqcli.new a.seqcli",
        f"sync {tmp_path.name}",
    ]


def test_a_place_that_cannot_be_written(make_small, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file" / "a.seqcli", Path("/proc/a.seqcli")):
        with pytest.raises(UsageError, match="cannot be written"):
            make_small(0).write(target)
        with pytest.raises(UsageError, match="cannot be written"), lock(target):
            pass


def test_an_interrupted_write_leaves_nothing(make_small, tmp_path, monkeypatch) -> None:
    target = make_small(0).write(tmp_path / "a.seqcli")
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        make_small(1).write(target)
    assert [path.name for path in tmp_path.iterdir()] == ["a.seqcli"]


# ---- killed between any two steps ------------------------------------------------------------

KILLED = '''
"""Kill a writer at each of its file system calls; look at what a reader finds, and write again."""
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from conftest import small_model
from seqcli.model_dir import find_model, lock, read_model
from seqcli.saved import swap

folder, exchanging, keep_old = Path(sys.argv[3]), sys.argv[4] == "exchange", sys.argv[5] == "keep"
target = folder / "a.seqcli"
os.fsync = lambda handle: None  # a killed process loses nothing that it has written
old, new, newer = small_model(0), small_model(1), small_model(2)
if not exchanging:
    swap.exchange = lambda first, second: False
CALLS = ("mkdir", "rename", "remove", "rmdir", "scandir", "listdir")
EVENTS = {"open", "ctypes.dlsym", *("os." + call for call in CALLS)}

def killed_at(step):
    """Write in a child that kills itself ahead of file system call `step`; False when it ended first."""
    child = os.fork()
    if child == 0:
        left = [step]
        def hook(event, arguments):
            if event in EVENTS:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        new.write(target, keep_old=keep_old)
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL

found = []
for step in range(1000):
    with lock(target):
        old.write(target)
        old.write(target, keep_old=True)
    alive = not killed_at(step)
    model = read_model(find_model(None, folder))
    assert model.path == target, model.path
    seed = model.record["seed"]
    graphs, weights = (old, new)[seed].graphs, (old, new)[seed].weights
    assert dict(model.graphs) == graphs
    assert all((model.weights()[name] == weights[name]).all() for name in weights)
    found.append(seed)
    with lock(target):
        newer.write(target)
    assert read_model(target).record["seed"] == 2
    left = sorted(path.name for path in folder.iterdir())
    assert left in (["a.seqcli"], ["a.seqcli", "a.seqcli.old"]), left
    if alive:
        break
assert read_model(folder / "a.seqcli.old").record["seed"] == 0
assert found == sorted(found), found
print(len(found), sum(found))
'''


@pytest.mark.parametrize("way", ["exchange", "rename"])
@pytest.mark.parametrize("keep", ["keep", "drop"])
def test_a_killed_writer_leaves_the_old_model_or_the_new_one(tmp_path, way, keep) -> None:
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(here), str(here.parents[1]), str(tmp_path), way, keep],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    steps, new = map(int, done.stdout.split())
    assert steps > 20, "most file system calls are seen"
    assert 2 <= new < steps, "some moments leave the old model, some the new one"


def test_a_model_whose_rename_was_cut_short_is_found_and_finished(make_small, tmp_path) -> None:
    target = make_small(0).write(tmp_path / "a.seqcli")
    target.rename(waiting_dir(target))
    assert find_model(None, tmp_path) == target
    assert read_model(target).record["seed"] == 0
    with lock(target):
        assert target.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["a.seqcli"]


# ---- readers during a swap -------------------------------------------------------------------


@pytest.mark.parametrize("exchanging", [True, False])
def test_a_reader_sees_the_old_model_or_the_new_one(make_small, tmp_path, monkeypatch, exchanging) -> None:
    if not exchanging:
        monkeypatch.setattr(swap, "exchange", lambda first, second: False)
    models = [make_small(seed) for seed in range(2)]
    target = models[0].write(tmp_path / "a.seqcli")
    done = threading.Event()
    failures: list[Exception] = []
    seen: set[int] = set()

    def read() -> None:
        while not done.is_set():
            try:
                model = read_model(target)
                assert dict(model.graphs) == models[model.record["seed"]].graphs
                seen.add(model.record["seed"])
            except Exception as error:
                failures.append(error)
                return

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(1, 500):  # 24 are enough, unless a busy machine gives the reader no turn
        models[turn % 2].write(target, keep_old=bool(turn % 3))
        if turn >= 24 and (seen == {0, 1} or failures):
            break
    done.set()
    reader.join()
    assert not failures
    assert seen == {0, 1}


def test_the_exchange_of_two_directories(tmp_path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("")
    if not swap.exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system has no exchange")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert not swap.exchange(tmp_path / "a", tmp_path / "missing")


def test_a_system_without_exchange(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    assert not swap.exchange(tmp_path, tmp_path)


# ---- the lock --------------------------------------------------------------------------------


def test_the_second_of_two_trainings_ends_with_one_line(tmp_path) -> None:
    target = tmp_path / "a.seqcli"
    with lock(target) as partial:
        assert partial == tmp_path / ".a.seqcli.partial" == partial_dir(target)
        with (
            pytest.raises(UsageError, match="another training is writing this model") as caught,
            lock(target),
        ):
            pass
        assert "\n" not in caught.value.message + caught.value.hint
        with lock(tmp_path / "b.seqcli"):
            pass
    assert list(tmp_path.iterdir()) == []
    with lock(target):
        pass


def test_a_checkpoint_outlives_the_lock(tmp_path) -> None:
    target = tmp_path / "a.seqcli"
    assert leftover(target) is None
    with lock(target) as partial:
        (partial / "checkpoint").mkdir()
        (partial / "checkpoint" / "state.json").write_text("{}")
    assert leftover(target) == partial
    with pytest.raises(ModelError, match="no model here"):
        find_model(None, tmp_path)
    with lock(target):
        clear_partial(target)
    assert leftover(target) is None
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_dead_process_is_free(tmp_path) -> None:
    program = (
        "import os, sys, signal; from pathlib import Path; from seqcli.model_dir import lock\n"
        "with lock(Path('a.seqcli')): os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=False)
    assert (tmp_path / ".a.seqcli.partial" / "lock").exists()
    with lock(tmp_path / "a.seqcli"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_is_a_link_is_refused(tmp_path) -> None:
    (tmp_path / ".a.seqcli.partial").mkdir()
    (tmp_path / "precious").write_text("kept")
    (tmp_path / ".a.seqcli.partial" / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(SeqcliError, match="cannot be written"), lock(tmp_path / "a.seqcli"):
        pass
    assert (tmp_path / "precious").read_text() == "kept"


def test_a_waiter_does_not_lock_a_file_that_is_gone(tmp_path, monkeypatch) -> None:
    """The directory vanishes between the opening of its lock file and the locking of it."""
    target = tmp_path / "a.seqcli"
    real, times = swap.fcntl.flock, []

    def flock(handle, how):
        if not times:
            (partial_dir(target) / "lock").unlink()
            partial_dir(target).rmdir()
        times.append(how)
        real(handle, how)

    monkeypatch.setattr(swap.fcntl, "flock", flock)
    with lock(target) as partial:
        assert (partial / "lock").exists()
    assert len(times) == 2


def test_an_empty_directory_is_no_old_model(make_small, tmp_path) -> None:
    (tmp_path / "a.seqcli").mkdir()
    make_small(0).write(tmp_path / "a.seqcli", keep_old=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.seqcli"]


def test_a_lock_directory_that_vanishes_is_made_again(tmp_path, monkeypatch) -> None:
    target = tmp_path / "a.seqcli"
    real, times = os.open, []

    def opened(path, *args, **kwargs):
        if not times and str(path).endswith("lock"):
            times.append(path)
            partial_dir(target).rmdir()
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", opened)
    with lock(target) as partial:
        assert (partial / "lock").exists()
    assert times


def test_a_file_system_without_locks_says_so(tmp_path, monkeypatch) -> None:
    def flock(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(swap.fcntl, "flock", flock)
    with pytest.raises(UsageError, match="no locks available"), lock(tmp_path / "a.seqcli"):
        pass


def test_a_rename_that_fails_leaves_the_old_model(make_small, tmp_path, monkeypatch) -> None:
    target = make_small(0).write(tmp_path / "a.seqcli")
    rename = Path.rename

    def refuse(path, new):
        if Path(new) == target:
            raise OSError(errno.EROFS, "Read-only file system")
        return rename(path, new)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(UsageError, match="read-only file system"):
        make_small(1).write(target)
    assert read_model(target).record["seed"] == 0


def test_what_a_killed_writer_left_is_removed(make_small, tmp_path) -> None:
    target = tmp_path / "a.seqcli"
    (staging_dir(target) / "graphs").mkdir(parents=True)
    (staging_dir(target) / "weights.safetensors").write_bytes(b"half")
    make_small(0).write(target)
    assert [path.name for path in tmp_path.iterdir()] == ["a.seqcli"]
