"""The tiny book on Slurm, while jobs and nodes fail, against the same book made without a cluster.

`make test-cluster` runs this as a program. It needs root: it installs Slurm from Debian's or
Ubuntu's packages if it is not there, and starts a cluster of two nodes on this machine. While the
zoo is trained, the task of one job is killed, then a whole node. The book must end with the same
shards, to the last bit, and the same tables. Whatever happens, the cluster is gone at the end.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import yaml
from safetensors.numpy import load_file
from tiny_book import ENVIRONMENT, MAKE, clone, tables

PACKAGES = {"slurmctld": "slurm-wlm", "munged": "munge"}
CONFIGURATION = Path("/etc/slurm/slurm.conf")  # a job's steps look for it here
MADE_HERE = "# Made by make test-cluster; may be removed.\n"
NODES = {"n1": 17001, "n2": 17002}  # and their ports
SLURM = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=30
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
MinJobAge=3600
JobRequeue=1
NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=64000
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def main() -> None:
    install()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    with TemporaryDirectory(prefix="metanet-cluster-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        remote, local = book(folder / "remote"), book(folder / "local")
        say("the book on the cluster")
        on_slurm = [*MAKE, "--cluster", "profiles/slurm"]
        with slurm(folder) as nodes, started(on_slurm, remote) as make:
            disturb(remote, nodes, make)
            assert make.wait(3000) == 0, "the book on the cluster failed"
        say("the book without a cluster")
        with started(MAKE, local) as make:
            assert make.wait(3000) == 0, "the book without a cluster failed"
        compare(local, remote)
    say("the same shards and tables: a killed task and a dead node changed nothing")


def say(words: str) -> None:
    print(f"== {time.strftime('%H:%M:%S')} {words}", flush=True)


def install() -> None:
    """Install Slurm and munge if they are not there; refuse to disturb a real cluster."""
    if os.geteuid() != 0:
        raise SystemExit("make test-cluster needs root: it installs and starts Slurm")
    if CONFIGURATION.exists() and not CONFIGURATION.read_text().startswith(MADE_HERE):
        raise SystemExit(f"{CONFIGURATION} is there: this machine is part of a real cluster")
    absent = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if absent and not shutil.which("apt-get"):
        raise SystemExit(f"make test-cluster needs {', '.join(absent)}, or apt-get to install them")
    if absent:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *absent]
        subprocess.run(install, check=True, env=quiet)


def book(folder: Path) -> Path:
    """Copy the project, with jobs that are more and longer than the tiny book's."""
    clone(folder)
    edit(folder / "profiles/tiny.yaml", lambda p: p.update(datasets_per_job=6))
    edit(folder / "profiles/tiny.yaml", lambda p: p["zoo"].update(epochs=200))
    here = {"slurm-status-command": "squeue", "slurm-init-seconds-before-status-checks": 3}
    edit(folder / "profiles/slurm/config.yaml", lambda p: p.update(here))
    return folder


def edit(path: Path, change: Callable[[dict], None]) -> None:
    values = yaml.safe_load(path.read_text())
    change(values)
    path.write_text(yaml.dump(values, sort_keys=False))


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, subprocess.Popen]]:
    """Run a cluster and yield its nodes by name. A node that is killed takes all in it with it."""
    host = socket.gethostname().split(".")[0]
    (folder / "munge.key").write_bytes(secrets.token_bytes(1024))
    (folder / "munge.key").chmod(0o600)
    (folder / "state").mkdir()
    lines = []
    for line in SLURM.splitlines():
        each = NODES.items() if line.startswith("NodeName") else [("", 0)]
        lines += [line.format(folder=folder, host=host, name=n, port=port) for n, port in each]
    CONFIGURATION.parent.mkdir(exist_ok=True)
    CONFIGURATION.write_text(MADE_HERE + "\n".join(lines) + "\n")
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log"}
    munge = ["munged", "--foreground", "--force", f"--seed-file={folder}/munge.seed"]
    munge += [f"--{option}={folder}/munge.{file}" for option, file in files.items()]
    daemons: list[subprocess.Popen] = []
    nodes: dict[str, subprocess.Popen] = {}
    try:
        daemons.append(subprocess.Popen(munge, stderr=subprocess.DEVNULL))
        wait("munged", (folder / "munge.socket").exists, 10)
        daemons.append(subprocess.Popen(["slurmctld", "-D"], stderr=subprocess.DEVNULL))
        nodes.update({name: start_node(name) for name in NODES})
        wait("both nodes", lambda: states() == dict.fromkeys(NODES, "idle"), 60)
        yield nodes
    except BaseException:
        for log in folder.glob("*.log"):
            print(f"== {log.name}\n{log.read_text()[-3000:]}")
        raise
    finally:
        for daemon in [*nodes.values(), *reversed(daemons)]:
            stop(daemon)
        CONFIGURATION.unlink(missing_ok=True)


def start_node(name: str) -> subprocess.Popen:
    """Start a node in a process namespace of its own, which ends, all at once, with it."""
    alone = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return subprocess.Popen([*alone, "slurmd", "-D", "-N", name], stderr=subprocess.DEVNULL)


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[subprocess.Popen]:
    """Run a command in a folder; it does not outlive the block."""
    process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT)
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen) -> None:
    """Kill a process that we started and all that it started."""
    if process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it has ended by itself meanwhile
                child.kill()
    process.kill()
    process.wait()


def states() -> dict[str, str]:
    listing = ["sinfo", "--Node", "--noheader", "--format=%N %t"]
    output = subprocess.run(listing, capture_output=True, text=True).stdout
    return dict(line.split() for line in output.splitlines())


def wait(what: str, ready: Callable[[], object], seconds: float) -> object:
    deadline = time.monotonic() + seconds
    while not (value := ready()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} seconds"
        time.sleep(0.1)
    return value


def task(folder: Path, node: str = "") -> psutil.Process | None:
    """Return a process that trains models in this folder, on this node if one is given."""
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and "zoo" in process.cmdline()[2:3]:
                place = process.environ().get("SLURMD_NODENAME", "")
                if place and node in ("", place) and process.cpu_times().user > 2:
                    return process
        except psutil.Error:
            continue
    return None


def disturb(folder: Path, nodes: dict[str, subprocess.Popen], make: subprocess.Popen) -> None:
    """Kill the task of one job of the zoo, then a node that trains others."""
    killed = wait("a job of the zoo", lambda: make.poll() is not None or task(folder), 900)
    assert isinstance(killed, psutil.Process), "the book ended before its zoo was trained"
    say(f"kill a task on {killed.environ()['SLURMD_NODENAME']}: {' '.join(killed.cmdline()[1:4])}")
    killed.kill()
    wait("another task on n2", lambda: make.poll() is not None or task(folder, "n2"), 900)
    assert make.poll() is None, "the book ended before a node could be killed"
    say("kill node n2 and everything on it")
    stop(nodes["n2"])
    wait("the end of all that ran on n2", lambda: task(folder, "n2") is None, 10)
    wait("the loss of n2 to be seen", lambda: states()["n2"].startswith("down"), 120)
    say(f"Slurm has seen it: {states()}")
    shards = len(list(folder.glob("results/tiny/zoo/*.safetensors")))
    say(f"{shards} of 41 shards are there; the rest is left to n1")


def compare(local: Path, remote: Path) -> None:
    """Check that two books have the same shards, to the last bit, and the same tables."""
    names = sorted(p.name for p in (local / "results/tiny/zoo").glob("*.safetensors"))
    assert len(names) == 41
    for name in names:
        one, other = (load_file(book / "results/tiny/zoo" / name) for book in (local, remote))
        assert {key: value.tobytes() for key, value in one.items()} == {
            key: value.tobytes() for key, value in other.items()
        }, name
    assert tables(local) == tables(remote)


if __name__ == "__main__":
    sys.exit(main())
