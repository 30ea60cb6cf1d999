import platform
import subprocess
import sys
from textwrap import dedent

import pytest


@pytest.mark.skipif((platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="AMX is of x86-64")
def test_children_are_refused_amx_and_nothing_else() -> None:
    asks = "import ctypes; system = ctypes.CDLL(None, use_errno=True); system.syscall(158, 0x1023, 18)"
    program = f"""
    import subprocess, sys
    from studies.shared.without_amx import refuse_amx
    refuse_amx()
    subprocess.run([sys.executable, "-c", {asks + "; print(ctypes.get_errno())"!r}], check=True)
    """
    done = subprocess.run([sys.executable, "-c", dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"  # EPERM; a processor without AMX would say EINVAL
