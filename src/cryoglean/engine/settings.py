"""Settings of runs over many micrographs."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from cryoglean.settings import Config


class EngineConfig(Config):
    """How the work of a run is spread; nothing here changes a result."""

    workers: int | None = Field(None, ge=1)
    """Processor cores to use; by default all that this process was given."""
    memory: float | None = Field(None, gt=0)
    """Memory for all workers together, GiB; by default most of what this process was given."""
    content: bool = False
    """Recognise a changed micrograph by its content, not its date; every file is read to the end."""
    dask: str | None = None
    """Address of a Dask scheduler to work with, such as tcp://host:8786, or 'local' to start one here."""
    slurm: int | None = Field(None, ge=1)
    """Work with this many SLURM jobs, each of `slurm_cores` and `slurm_memory`."""
    slurm_cores: int = Field(1, ge=1)
    """Cores of a SLURM job."""
    slurm_memory: str = "4GB"
    """Memory of a SLURM job."""
    slurm_time: str = "02:00:00"
    """Time limit of a SLURM job; a new one follows where work is left."""
    slurm_options: str = ""
    """Further options of sbatch, such as '--partition=long --account=mine'."""
    shard: str | None = Field(None, pattern=r"^[1-9]\d*/[1-9]\d*$")
    """Do only part i of n, as i/n: for job arrays; `cryoglean select` joins the parts."""

    @field_validator("shard")
    @classmethod
    def _is_a_part(cls, shard: str | None) -> str | None:
        number, shards = map(int, (shard or "1/1").split("/"))
        if number > shards:
            raise ValueError("the part comes first, counted from 1, then their number")
        return shard

    @field_validator("slurm")
    @classmethod
    def _is_one_cluster(cls, slurm: int | None, info: ValidationInfo) -> int | None:
        if slurm is not None and info.data.get("dask") is not None:
            raise ValueError("choose one of dask and slurm")
        return slurm


class WatchConfig(Config):
    """How a folder is watched while micrographs arrive."""

    settle: float = Field(10.0, ge=0)
    """Seconds for which a file must not change before it counts as complete."""
    every: float = Field(2.0, gt=0)
    """Seconds between two looks at the folder."""
    patience: float = Field(120.0, ge=0)
    """Seconds to wait for the eight micrographs in which the particles are measured, before fewer must do."""
    idle: float | None = Field(None, gt=0)
    """End when nothing has come for so many minutes; otherwise at a signal, or when OUT/STOP is made."""
