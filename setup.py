"""Where the packages lie: `compress/` and `bench/` are installed below `pocketbert`; all else is in pyproject.toml."""

from setuptools import find_packages, setup

FOLDERS = ("compress", "bench")

setup(
    package_dir={"pocketbert": "src/pocketbert"} | {f"pocketbert.{folder}": folder for folder in FOLDERS},
    packages=["pocketbert", *(f"pocketbert.{name}" for name in find_packages() if name.split(".")[0] in FOLDERS)],
)
