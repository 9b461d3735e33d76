"""What a stranger can have put into a home, or can change there, is neither read nor written."""

from __future__ import annotations

import os
import stat

import pytest

from extrato.own_files import ForeignFile, check_own, open_own, read_own, write_own

APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


@pytest.fixture
def victim(tmp_path):
    file = tmp_path / "elsewhere" / "victim"
    file.parent.mkdir()
    file.write_text("untouched")
    file.chmod(0o600)
    return file


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR, APPEND])
def test_a_link_is_not_followed(home, victim, flags):
    link = home / "gateway.log"
    link.symlink_to(victim)
    with pytest.raises(ForeignFile, match=f"{link} is a link"):
        open_own(link, flags)
    with pytest.raises(ForeignFile, match="is a link"):
        check_own(link)
    assert victim.read_text() == "untouched"


def test_a_link_that_leads_nowhere_makes_no_file(home, tmp_path):
    link = home / "gateway.log"
    link.symlink_to(tmp_path / "nothing")
    with pytest.raises(ForeignFile, match="is a link"):
        open_own(link, APPEND)
    assert not (tmp_path / "nothing").exists()


def test_a_link_in_place_of_a_folder_is_refused(home, victim):
    (home / "logs").symlink_to(victim.parent)
    with pytest.raises(ForeignFile, match="is a link"):
        check_own(home / "logs")


def test_another_name_of_a_file_is_read_and_not_written(home, victim):
    name = home / "gateway.log"
    name.hardlink_to(victim)
    with pytest.raises(ForeignFile, match="has another name too"):
        open_own(name, APPEND)
    assert read_own(name) == b"untouched"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(home, mode):
    file = home / "secret.key"
    file.write_text("key")
    file.chmod(mode)
    with pytest.raises(ForeignFile, match=f"{file} may be written by others: .*`chmod go-w {file}`"):
        read_own(file)
    file.chmod(0o644)
    assert read_own(file) == b"key"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777])
def test_a_folder_that_others_may_write_is_refused_also_when_it_is_sticky(home, mode):
    home.chmod(mode)
    with pytest.raises(ForeignFile, match="may be written by others"):
        check_own(home)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_what_belongs_to_another_user_is_refused(home):
    file = home / "demo-api-key"
    file.write_text("key")
    os.chown(file, 65534, 65534)
    with pytest.raises(ForeignFile, match=f"{file} belongs to user nobody"):
        read_own(file)
    with pytest.raises(ForeignFile, match="belongs to user nobody"):
        check_own(file)
    assert check_own(file, owners={65534})


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_a_user_without_a_name_is_told_by_the_number(home):
    os.chown(home, 54321, 54321)
    with pytest.raises(ForeignFile, match="belongs to user 54321"):
        check_own(home)


def test_a_pipe_or_a_folder_in_place_of_a_file_is_refused_and_not_waited_for(home):
    os.mkfifo(home / "pipe", mode=0o600)
    (home / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        for flags in (os.O_RDONLY, os.O_WRONLY):
            with pytest.raises(ForeignFile, match="is no ordinary file"):
                open_own(home / name, flags)


def test_a_file_is_made_for_its_owner_only_and_appended_to(home):
    for text in (b"one\n", b"two\n"):
        descriptor = open_own(home / "log", APPEND)
        assert os.get_blocking(descriptor)
        os.write(descriptor, text)
        os.close(descriptor)
    assert read_own(home / "log") == b"one\ntwo\n"
    assert stat.S_IMODE((home / "log").stat().st_mode) == 0o600


def test_a_file_is_written_in_place_of_what_is_there(home, victim):
    link = home / "addresses.json"
    link.symlink_to(victim)
    # A link where the draft comes is not followed either.
    (home / f".addresses.json.{os.getpid()}").symlink_to(victim)
    write_own(link, b"ours")
    assert (link.read_bytes(), link.is_symlink()) == (b"ours", False)
    assert victim.read_text() == "untouched"
    write_own(link, b"for PostgreSQL", mode=0o644)
    assert stat.S_IMODE(link.stat().st_mode) == 0o644
    assert [path.name for path in home.iterdir()] == ["addresses.json"]


def test_what_is_not_there_is_not_foreign(home):
    assert not check_own(home / "nothing")
    assert check_own(home)
    with pytest.raises(FileNotFoundError):
        read_own(home / "nothing")
