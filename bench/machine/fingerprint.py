"""The machine's fingerprint and library versions."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from pocketbert.bench.machine.cores import cpu_quota, governor, smt_siblings, usable_cores
from pocketbert.bench.records.results import Machine

FLAGS = (
    "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16",
    "asimddp", "asimdhp", "i8mm", "bf16", "sve", "sve2",
)  # fmt: skip
"""The instruction sets by which the runtimes choose their kernels: x86, then ARM."""
PACKAGES = ("onnxruntime", "executorch", "ai-edge-litert", "torch", "transformers", "tokenizers", "numpy")


def read_machine() -> Machine:
    """Describe this machine as far as measurements depend on it.

    The fingerprint covers the processor and its generation (a cloud may sell several under one name), its flags, and
    the cores that affinity, quota and SMT leave. Governor, kernel and library versions are recorded, but are not part
    of the fingerprint: the gate has to compare runs across such changes.
    """
    cpu, generation, found = _processor()
    flags = [flag for flag in FLAGS if flag in found]
    cores = usable_cores()
    siblings = smt_siblings(cores)
    identity = "\n".join(
        [cpu, generation, " ".join(flags), f"{len(cores)} cores, sharing {sorted(map(len, siblings))}"]
    )
    return Machine(
        cpu=cpu,
        generation=generation,
        flags=flags,
        cores=len(cores),
        quota=cpu_quota(),
        smt_siblings=siblings,
        governor=governor(cores[0]),
        memory_mib=psutil.virtual_memory().total // 2**20,
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions={name: installed for name in PACKAGES if (installed := _version(name))},
        fingerprint=hashlib.sha256(identity.encode()).hexdigest()[:16],
    )


_GENERATION = ("vendor_id", "cpu family", "model", "stepping", *(f"CPU {name}" for name in ("implementer", "part")))


def _processor() -> tuple[str, str, set[str]]:
    """Return model name, generation and flags; the last two are empty without ``/proc/cpuinfo``."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = fields.get("flags", fields.get("Features", ""))
    name = fields.get("model name") or platform.processor() or platform.machine()
    generation = ", ".join(f"{key} {fields[key]}" for key in _GENERATION if key in fields)
    return name, generation, set(flags.split())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
