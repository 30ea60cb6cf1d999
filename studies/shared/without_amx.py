"""Runs a study as on a processor without AMX, whose INT8 kernels are those of AVX-512 VNNI.

`python -m studies.shared.without_amx studies.runtimes.speed` asks Linux to refuse AMX to this process and its children
(seccomp(2)); runtimes then choose their other kernels. Elsewhere nothing has AMX, and the study can be run directly.
"""

import ctypes
import os
import runpy
import struct
import sys

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS; BPF_JMP | BPF_JEQ | BPF_K; BPF_RET | BPF_K
_ALLOW, _REFUSE = 0x7FFF_0000, 0x0005_0001  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM
_NUMBER, _FIRST_ARGUMENT = 0, 16  # offsets in struct seccomp_data
_ARCH_PRCTL, _REQUEST_PERMISSION = 158, 0x1023  # x86-64; ARCH_REQ_XCOMP_PERM
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2  # options of prctl(2)
_RULES = (
    (_LOAD, 0, 0, _NUMBER),
    (_EQUAL, 0, 3, _ARCH_PRCTL),
    (_LOAD, 0, 0, _FIRST_ARGUMENT),
    (_EQUAL, 0, 1, _REQUEST_PERMISSION),
    (_RETURN, 0, 0, _REFUSE),
    (_RETURN, 0, 0, _ALLOW),
)


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("rules", ctypes.c_void_p))


def refuse_amx() -> None:
    """Refuse AMX to this process and its children, for good.

    Raises:
        OSError: the system refuses the filter.
    """
    rules = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in _RULES))
    program = _Program(len(_RULES), ctypes.addressof(rules))
    system = ctypes.CDLL(None, use_errno=True)
    if system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or system.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    refuse_amx()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
