# SPDX-License-Identifier: MIT
"""Owns the foreign project: a copy of it, how it is built against coir, and what it must print."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
# All that a build of the library may need: it must not lean on tests or examples.
NEEDED = ("meson.build", "meson_options.txt", "include", "lib")
PROGRAMS = ("consumer", "consumer_without_rtti")
EXPECTED = """\
coir {version}
sum 55
timed out, cancelled, closed
a socket
turns 16001
"""


def run(command, folder, environment=None):
    """Runs a command and returns its output; shows it and ends the test if the command fails."""
    command = list(map(str, command))
    environment = {**(environment or os.environ), "LC_ALL": "C"}
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=3600,  # a slow machine is no error
    )
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}")
    return result.stdout


def version_of(source):
    return re.search(r"version: '([\d.]+)'", (source / "meson.build").read_text())[1]


def copy_of_project(folder):
    project = pathlib.Path(folder) / "project"
    shutil.copytree(HERE / "project", project)
    return project


def add_as_subproject(project, source):
    """By a wrap file of WrapDB's format, and the archive of a release where Meson would put it."""
    release = f"coir-{version_of(source)}"
    cache = project / "subprojects" / "packagecache"
    cache.mkdir(parents=True)
    archive = cache / f"{release}.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        for name in NEEDED:
            packed.add(source / name, f"{release}/{name}")
    values = {
        "version": version_of(source),
        "url": "https://example.org/releases",
        "hash": hashlib.sha256(archive.read_bytes()).hexdigest(),
    }
    wrap = (source / "lib" / "package" / "coir.wrap.in").read_text(encoding="utf-8")
    wrap = re.sub(r"@(\w+)@", lambda name: values[name[1]], wrap)
    (project / "subprojects" / "coir.wrap").write_text(wrap, encoding="utf-8")


def check_programs(folder, source, environment=None):
    for program in PROGRAMS:
        output = run([folder / program], folder, environment)
        expected = EXPECTED.format(version=version_of(source))
        if output != expected:
            sys.exit(f"{folder / program} printed\n{output}instead of\n{expected}")


def build_with_meson(project, source, environment, arguments):
    """Builds and runs it; once more with other arguments, it keeps what need not be compiled."""
    build = project / "build"
    again = (build / "build.ninja").exists()
    set_up = ["configure", build] if again else ["setup", build]
    run(["meson", *set_up, *arguments], project, environment)
    said = run(["ninja", "-C", build], project, environment)
    if "-Wodr" in said:
        sys.exit(f"two types of one name:\n{said}")  # only LTO sees it
    check_programs(build, source, environment)
    return build


def build_with_cmake(project, source, environment, root):
    """`root` is where coir is installed, as if that were /."""
    build = project / "build-cmake"
    shutil.rmtree(build, ignore_errors=True)
    configs = list(root.rglob("coirConfig.cmake"))
    if len(configs) != 1:
        sys.exit(f"{len(configs)} coirConfig.cmake installed, expected one")
    # Only where to look: everything else the file has to find from where it lies.
    arguments = ["-G", "Ninja", f"-Dcoir_DIR={configs[0].parent}"]
    run(["cmake", "-S", project, "-B", build, *arguments], project, environment)
    run(["cmake", "--build", build], project, environment)
    check_programs(build, source, environment)
