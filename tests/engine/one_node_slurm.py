"""A SLURM of one node, started for a test from the packages of the system (Debian: slurm-wlm, munge)."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=4000 State=UNKNOWN
PartitionName=work Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def reason_against() -> str | None:
    """Say why no SLURM can be started here; None where it can."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return None if os.geteuid() == 0 else "only root may start the daemons"


@contextmanager
def one_node_slurm() -> Iterator[Path]:
    """Start the daemons in a folder of their own; give the configuration file by which others find them."""
    # Not the test's own folder: the path of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="slurm"))
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            host=socket.gethostname().split(".")[0], folder=folder, ports=_free_ports(), cores=os.cpu_count()
        )
    )
    munge = [f"--{what}-file={folder}/munge.{end}" for what, end in (("pid", "pid"), ("log", "log"))]
    munge += [f"--key-file={key}", f"--seed-file={folder}/munge.seed", f"--socket={folder}/munge.socket"]
    environment = os.environ | {"PATH": PATH, "SLURM_CONF": str(configuration)}
    try:
        for command in (["munged", "--force", *munge], ["slurmctld"], ["slurmd"]):
            subprocess.run(command, check=True, env=environment, capture_output=True)
        _wait_until_idle(environment)
        yield configuration
    finally:
        for name in ("slurmd", "slurmctld", "munge"):
            _end(folder / f"{name}.pid")
        shutil.rmtree(folder, ignore_errors=True)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _wait_until_idle(environment: dict[str, str]) -> None:
    for _ in range(100):
        state = subprocess.run(
            ["sinfo", "-h", "-o", "%t"], env=environment, capture_output=True, text=True, check=False
        )
        if state.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    raise TimeoutError(f"the node does not become idle: {state.stdout}{state.stderr}")


def _end(pid_file: Path) -> None:
    if pid_file.exists():
        pid = int(pid_file.read_text())
        os.kill(pid, 15)
        for _ in range(50):
            if not Path(f"/proc/{pid}").exists():
                return
            time.sleep(0.1)
