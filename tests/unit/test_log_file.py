"""A log file of the home rotates at a limit, follows no link, and counts the lines that it cannot write."""

from __future__ import annotations

import contextlib
import resource
import stat

import pytest

import extrato.log_file
from extrato.log_file import LogFile, LossyOutput, UnusableLogFile, make_log_file
from extrato.logs import configure_logging
from extrato.own_files import ForeignFile


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(extrato.log_file, "LIMIT_BYTES", 100)
    return tmp_path / "program.log"


@pytest.fixture
def log(path):
    with contextlib.closing(LogFile(path)) as log:
        yield log


def line(number):
    return f"{number:09}\n"


def test_rotation_keeps_every_line(path, log):
    for number in range(15):
        log.write(line(number))
    aside = path.with_name("program.log.1")
    assert aside.read_text() + path.read_text() == "".join(line(number) for number in range(15))
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(aside.stat().st_mode) == 0o600


def test_existing_file_is_appended_to(path, log):
    path.write_text(line(0))
    path.chmod(0o600)
    log.write(line(1))
    assert path.read_text() == line(0) + line(1)


def test_bytes_that_are_no_text_are_written_unchanged(path, log):
    log.write(b"\xff\xe9\n".decode(errors="surrogateescape"))
    assert path.read_bytes() == b"\xff\xe9\n"


@pytest.fixture
def victim(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    return victim


def test_log_that_is_a_link_is_refused(path, log, victim):
    path.symlink_to(victim)
    with pytest.raises(ForeignFile, match="is a link"):
        log.write(line(0))
    with pytest.raises(ForeignFile, match="is a link"):
        make_log_file(path)
    assert victim.read_text() == "untouched"


@pytest.mark.parametrize("name", ["program.log", "program.log.1"])
def test_link_created_while_the_log_is_open_is_not_followed(path, log, victim, name):
    log.write("x" * 90 + "\n")
    path.with_name(name).unlink(missing_ok=True)
    path.with_name(name).symlink_to(victim)
    log.write("y" * 90 + "\n")
    assert path.read_text() == "y" * 90 + "\n"
    assert not path.is_symlink()
    assert victim.read_text() == "untouched"


def test_unwritable_lines_are_counted_without_an_error(path, log):
    path.symlink_to("elsewhere")
    output = LossyOutput(log.write)
    for number in range(3):
        output.write(line(number))
    path.unlink()
    output.write(line(3))
    assert path.read_text() == '{"event": "lines_lost", "count": 3, "level": "warning"}\n' + line(3)


def test_log_file_in_a_missing_folder_is_refused(tmp_path):
    path = tmp_path / "nowhere" / "program.log"
    with pytest.raises(UnusableLogFile, match=f"EXTRATO_LOG_FILE={path} cannot be written: No such file"):
        configure_logging("info", file=path)


def test_full_disk_loses_lines_but_repeats_none(path, log):
    """A limit on the size of files stands for a full disk; this process gets no signal for it."""
    path.write_bytes(b"")
    path.chmod(0o600)
    output = LossyOutput(log.write)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))
        for number in range(9):
            output.write(line(number))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for number in range(9, 12):
        output.write(line(number))
    aside = path.with_name("program.log.1")
    assert aside.read_text() + path.read_text() == (
        "".join(line(number) for number in range(4))
        + '{"event": "lines_lost", "count": 5, "level": "warning"}\n'
        + "".join(line(number) for number in range(9, 12))
    )
