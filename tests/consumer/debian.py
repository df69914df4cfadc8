#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the Debian packages out of a clean copy, and the foreign project against what they hold.

They are unpacked below a root of their own, where pkg-config and CMake find them. Some minutes of
two cores; less where ccache knows the sources.
"""

import argparse
import os
import pathlib
import re
import shutil
import sys

import foreign_project
import matrix

# What a package is built from; the headers are what matrix.py looks at.
NEEDED = (*foreign_project.NEEDED, "debian")
PACKAGES = {
    "libcoir0.1": r"/usr/lib/[^/]+/libcoir\.so(\.\d+){2,3}",
    "libcoir-dev": r"/usr/include/coir/[a-z_/]+\.hpp|/usr/lib/[^/]+/libcoir\.(a|so)"
    r"|/usr/lib/[^/]+/(pkgconfig/coir\.pc|cmake/coir/coirConfig(Version)?\.cmake)",
}
DOCUMENTS = r"/usr/share/doc/{}/(changelog\.gz|copyright)"


def clean_copy(source, folder):
    tree = folder / "coir"
    tree.mkdir()
    for name in NEEDED:
        copy = shutil.copytree if (source / name).is_dir() else shutil.copy2
        copy(source / name, tree / name)
    return tree


def check_version(source):
    """The changelog of the packages is one more place that names it."""
    found = re.match(r"coir \(([\d.]+)\)", (source / "debian" / "changelog").read_text())
    if not found or found[1] != foreign_project.version_of(source):
        sys.exit("debian/changelog does not begin with the version in meson.build")


def unpack(folder, root):
    """Both packages, and nothing in them but what belongs there."""
    root.mkdir()
    for package, expected in PACKAGES.items():
        (archive,) = folder.glob(f"{package}_*.deb")
        foreign_project.run(["dpkg", "-x", archive, root / package], folder)
        files = [path for path in (root / package).rglob("*") if not path.is_dir()]
        for path in files:
            name = f"/{path.relative_to(root / package)}"
            if not re.fullmatch(f"{expected}|{DOCUMENTS.format(re.escape(package))}", name):
                sys.exit(f"{package} has {name}")
        shutil.copytree(root / package, root, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(root / package)


def pack(source, folder):
    tree = clean_copy(source, folder)
    environment = {**os.environ, "CCACHE_NOHASHDIR": "1"}
    environment["DEB_BUILD_OPTIONS"] = f"parallel={os.cpu_count()} noautodbgsym"
    foreign_project.run(["dpkg-buildpackage", "-us", "-uc", "-b"], tree, environment)


def use(source, folder):
    root = folder / "root"
    unpack(folder, root)
    (package,) = root.rglob("coir.pc")
    environment = {
        **os.environ,
        "PKG_CONFIG_PATH": str(package.parent),
        "PKG_CONFIG_SYSROOT_DIR": str(root),
        "LD_LIBRARY_PATH": str(package.parent.parent),
    }
    project = foreign_project.copy_of_project(folder)
    arguments = ["--wrap-mode=nofallback", "-Dbuildtype=release"]
    made = foreign_project.build_with_meson(project, source, environment, arguments)
    if "libcoir.so.0.1" not in foreign_project.run(["readelf", "-d", made / "consumer"], made):
        sys.exit("the consumer does not use the library of the package")
    foreign_project.build_with_cmake(project, source, environment, root)
    print("both packages built, unpacked, and used by Meson and CMake")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("source", type=pathlib.Path, help="the checkout of coir")
    parser.add_argument("--scratch", type=pathlib.Path, help="a folder of the same name each time, "
                        "which lets ccache know the sources again; it is emptied first")
    given = parser.parse_args()
    source = given.source.resolve()
    check_version(source)
    with matrix.folder_for(given.scratch) as folder:
        folder = pathlib.Path(folder).resolve()
        pack(source, folder)
        use(source, folder)


if __name__ == "__main__":
    main()
